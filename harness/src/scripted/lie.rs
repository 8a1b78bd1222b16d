//! Ways to be wrong: each is a fault that an adapter could have, and that the suite must see.

use clap::ValueEnum;

/// What the scripted adapter does wrong; without any it is honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lie {
    /// Believes identity headers without a certificate behind them
    TrustsIdentityHeaders,
    /// Believes any certificate of the front proxy's authority, whatever its name
    IgnoresAllowedNames,
    /// Takes who shows bad credentials for anonymous
    BadCredentialsAreAnonymous,
    /// Never asks whether a caller may
    SkipsAuthorization,
    /// Takes a caller's rights for given when they can't be found out
    AllowsWhenReviewsFail,
    /// Lists what it offers in another order each time
    UnsortedDiscovery,
    /// Gives every metric the same value
    ConstantValue,
    /// Loses what is behind the decimal point
    WholeNumbers,
    /// Gives 0 while Prometheus fails
    ZeroWhilePrometheusFails,
    /// Answers for metrics with a page of HTML
    HtmlBody,
    /// Answers for metrics with a document of another kind
    WrongKind,
    /// Serves with a certificate for another name
    WrongSan,
    /// Serves everybody with its first serving pair, whatever name is asked for
    OneCertificate,
    /// Never reads its serving pair again
    KeepsServingPair,
    /// Serves with whatever is in the files of its serving pair
    TakesAnyPair,
    /// Is ready although it may not read the client CAs
    ReadyWithoutTrust,
    /// Answers everything but probes by sending elsewhere
    Redirects,
    /// Never answers for metrics
    HoldsRequests,
    /// Answers with all objects, whatever `labelSelector` selects
    IgnoresLabelSelector,
    /// Answers from all series, whatever `metricLabelSelector` selects
    IgnoresMetricLabelSelector,
    /// Answers with the sum over all namespaces
    IgnoresNamespace,
    /// Leaves the selector of the request out of its answers
    OmitsSelector,
    /// Answers with a timestamp of two hours ago
    OldTimestamps,
    /// Answers in the first version, whatever version is asked for
    IgnoresVersion,
    /// Counts in 32 bits
    ThirtyTwoBits,
    /// Loses the sign of a value
    NoSigns,
    /// Knows no metric of a namespace
    NoNamespaceMetrics,
    /// Leaves the last of several items out
    LosesTheLastItem,
    /// Lists the first item twice
    RepeatsTheFirstItem,
    /// Says of every item that it describes the first one's object
    NamesOneObject,
    /// Answers with an empty list for what isn't there
    AbsentIsEmpty,
    /// Answers failures with bare text
    BareErrors,
    /// Takes a selector that it can't read for none
    SwallowsBadSelectors,
    /// Sends its documents as plain text
    WrongContentType,
    /// Answers in JSON whatever the caller takes
    IgnoresAccept,
    /// Answers every method as GET
    TakesAnyMethod,
    /// Lets everybody read paths that are no resources
    OpensPaths,
    /// Asks for the rights of system:masters too
    ReviewsMasters,
    /// Takes an empty user name for a user
    EmptyUserIsSomebody,
    /// Lists the metrics that there were at first
    KeepsFirstDiscovery,
    /// Fails the lists of its metrics while Prometheus fails
    FailsWithPrometheus,
    /// Answers for discovery with a page of HTML
    HtmlDiscovery,
    /// Fails the list of its groups
    FailsDiscovery,
    /// Has no discovery in aggregated form
    OlderDiscovery,
    /// Lists every second metric with the wrong scope, and that in the older form alone
    MixedScopes,
    /// Lists every second metric with the wrong scope in the older form, and rightly in the aggregated one
    OtherScopes,
    /// Fails two of three requests for the list of its metrics
    SeldomDiscovery,
    /// Never answers for the list of its metrics
    HoldsDiscovery,
    /// Takes two milliseconds a metric for the list of them
    SlowDiscovery,
    /// Says that discovery hasn't changed to whoever sends a tag
    NeverChanged,
    /// Answers for metrics by sending elsewhere
    RedirectsValues,
    /// Ends when it is asked for a metric
    Crashes,
    /// Ends its answers in the middle
    BreaksOff,
    /// Answers one request after the other, and takes 200 ms for each
    OneAtATime,
    /// Fails requests for metrics in its first ten seconds
    WarmsUp,
    /// Lists a hundred items at most
    HundredItems,
    /// Lists the items in another order each time
    ShufflesItems,
    /// Counts thousandths in 64 bits, and goes round
    GoesRound,
    /// Gives 1 in place of 0
    NeverZero,
    /// Knows no metric that it is asked for by HEAD
    NoHead,
    /// Believes tokens that are for https://vault.example
    TakesAnyAudience,
    /// Takes the front proxy for whom its own certificate names
    TakesTheProxyForItself,
    /// Takes callers with a token for anonymous
    KnowsNoTokens,
    /// Refuses a token beside a certificate of an authority that isn't known
    CertificatesFirst,
    /// Fails where a token can't be reviewed
    FailsWithReviews,
    /// Waits half a second for what the API server says of a caller
    ImpatientReviews,
    /// Keeps HTTP/2 connections of callers that it doesn't know
    KeepsStrangers,
    /// Takes a front proxy's certificate before its time
    TakesEarlyCertificates,
    /// Never reads again whose certificates to take from front proxies
    KeepsProxyAuthorities,
    /// Never reads again whose certificates to take from clients
    KeepsClientAuthorities,
    /// Reads users in their usual header alone
    UsualHeaders,
    /// Takes an empty first header of a user for nobody
    FirstHeaderOnly,
    /// Turns away whoever shows no certificate
    RequiresCertificates,
    /// Lets whoever shows nothing have every value
    AdmitsAnonymous,
    /// Tells nobody about its health
    GuardsHealth,
    /// Takes one series of an object for all of them
    FirstSeriesOnly,
    /// Says that everything was selected where nothing was
    EmptySelectors,
    /// Answers in the newest version, whatever version is asked for
    NewestVersion,
    /// Has no values in the second version
    OneVersion,
    /// Fails where no object has a value
    EmptyIsAbsent,
    /// Takes a series for a metric of its namespace alone
    NamespacesAlone,
    /// Answers for namespaces that aren't there
    AnyNamespace,
    /// Answers JSON only to who would rather have it than anything else
    JsonFirst,
    /// Never answers who wants another protocol
    HoldsUpgrades,
    /// Answers paths that aren't there
    TakesAnyPath,
    /// Fails requests with parameters that it doesn't know
    RefusesParameters,
    /// Has its first version alone in the aggregated form of discovery
    AggregatesOneVersion,
    /// Sends the aggregated form of discovery as the older one
    PlainAggregated,
    /// Doesn't say which version of its group it prefers
    NoPreferredVersion,
    /// Lists no group
    ListsNoGroups,
    /// Answers with the last value of series that are gone
    KeepsLastValues,
    /// Waits half a second for Prometheus
    Impatient,
    /// Fails where Prometheus warns
    FailsOnWarnings,
    /// Passes over samples whose times aren't now
    RefusesOtherTimes,
    /// Adds what Prometheus says twice
    CountsTwice,
    /// Fails where a value is no number
    FailsOnNan,
    /// Answers as before while connections to Prometheus break
    OldAfterBreaks,
    /// Answers as before while answers of Prometheus end early
    OldAfterHalves,
    /// Answers as before while answers of Prometheus are no JSON
    OldAfterPages,
    /// Answers as before while Prometheus has a number in place of a list
    OldAfterNumbers,
    /// Answers as before while Prometheus sends elsewhere
    OldAfterRedirects,
    /// Answers as before while Prometheus has too many requests
    OldAfterTooMany,
    /// Answers as before while Prometheus fails otherwise
    OldAfterErrors,
}
