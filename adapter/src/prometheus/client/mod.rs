//! A client of Prometheus over HTTP.

mod access;
mod options;
mod proxy;
mod reload;
mod warnings;

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use http::HeaderMap;
use http::header::DATE;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::{RequestBuilder, Response};
use setpoint_rules::{Destination, Sample, SeriesQuery};
use url::Url;

use super::stream::{AnswerStream, Fields, MAX_ANSWER, SCALAR, StreamError};
use super::wire::{Element, SAMPLES, SERIES, SeriesReader};
use super::{FoundSeries, PrometheusClient, PrometheusError, ResultType};
use crate::metrics::{OwnMetrics, PrometheusDurations};
use crate::trace::{TRACEPARENT, Trace};

pub(crate) use access::Access;
use access::{Material, Token};
pub(crate) use options::{HttpClientError, HttpClientOptions, system_roots};
pub(crate) use reload::watch_ca;
use warnings::Warnings;

/// How long Prometheus may take for the values that a request asks for: as long as the API server
/// for objects.
const QUERY_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest query string in a URL; `http::Uri` has no more than 64 KiB. Longer ones are sent as a
/// form, whatever `--prometheus-verb` says: they couldn't be sent at all. Shorter ones aren't, because
/// a proxy may allow GET alone.
const MAX_QUERY_STRING: usize = 60_000;

pub(crate) struct HttpClient {
    options: HttpClientOptions,
    connected: ArcSwap<Connected>,
    /// By how many seconds Prometheus' clock is ahead of ours, by its last answer.
    ahead: AtomicI64,
    base: Url,
    /// The URL for messages, without credentials.
    display_url: String,
    user: Option<(String, Option<String>)>,
    /// Whether a header of the options says who asks.
    has_authorization: bool,
    max_answer: u64,
    warnings: Warnings,
    durations: PrometheusDurations,
}

/// Clients that are made of one version of the files.
struct Connected {
    /// What the files held.
    material: Material,
    /// For values.
    queries: reqwest::Client,
    /// For series. It has connections of its own, which the relist thread drives alone.
    relists: reqwest::Client,
}

impl Connected {
    fn new(options: &HttpClientOptions, material: Material) -> Result<Self, HttpClientError> {
        let client = options.clients(&material)?;
        let timeout = options.timeout.unwrap_or(QUERY_TIMEOUT);
        let queries = client().timeout(timeout).build();
        Ok(Self {
            queries: queries.map_err(HttpClientError::Client)?,
            relists: client().build().map_err(HttpClientError::Client)?,
            material,
        })
    }
}

const SERIES_ENDPOINT: &str = "/api/v1/series";
const QUERY_ENDPOINT: &str = "/api/v1/query";

impl HttpClient {
    /// A client whose requests are timed in `metrics`.
    pub(crate) fn new(
        options: HttpClientOptions,
        metrics: &OwnMetrics,
    ) -> Result<Self, HttpClientError> {
        let connected = Connected::new(&options, options.access.material()?)?;
        let user = options.user()?;
        let mut base = options.url.clone();
        // These fail for URLs that can't have credentials.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        // The query string may hold a token.
        let mut display_url = base.clone();
        display_url.set_query(None);
        display_url.set_fragment(None);
        let display_url = display_url.to_string();
        Ok(Self {
            connected: ArcSwap::from_pointee(connected),
            ahead: AtomicI64::new(0),
            base,
            durations: metrics.durations_of(display_url.trim_end_matches('/')),
            display_url,
            user,
            has_authorization: options.has_authorization(),
            max_answer: options.max_answer.unwrap_or(MAX_ANSWER),
            options,
            warnings: Warnings::default(),
        })
    }

    /// The files whose changes matter.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.options.access.paths()
    }

    /// The time that is asked about; now if there is none.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.options.at
    }

    /// Reads the files again; whether they have changed. Requests on the way go on as they began.
    pub(super) fn reload(&self) -> Result<bool, HttpClientError> {
        let material = self.options.access.material()?;
        if material == self.connected.load().material {
            return Ok(false);
        }
        let connected = Connected::new(&self.options, material)?;
        self.connected.store(Arc::new(connected));
        Ok(true)
    }

    /// Times a request, if it was answered, as prometheus-adapter does (`instrumentedGenericClient`).
    async fn timed<T>(
        &self,
        endpoint: &'static str,
        request: impl Future<Output = Result<T, PrometheusError>>,
    ) -> Result<T, PrometheusError> {
        let began = Instant::now();
        let answer = request.await;
        if answer.as_ref().err().is_none_or(PrometheusError::is_answer) {
            self.durations.observe(endpoint, began.elapsed());
        }
        answer
    }

    async fn found(
        &self,
        asked: &SeriesQuery,
        max_age: Duration,
    ) -> Result<FoundSeries, PrometheusError> {
        let now = match self.options.at {
            Some(at) => seconds(at),
            None => {
                #[expect(clippy::cast_precision_loss, reason = "seconds between two clocks")]
                let ahead = self.ahead.load(Ordering::Relaxed) as f64;
                seconds(Timestamp::now()) + ahead
            }
        };
        let start = format!("{:.3}", now - max_age.as_secs_f64());
        let end = self.options.at.map(|at| format!("{:.3}", seconds(at)));
        let selector = asked.selector.as_str();
        let mut parameters = vec![("match[]", selector), ("start", start.as_str())];
        parameters.extend(end.as_deref().map(|end| ("end", end)));
        let response = self
            .send(
                &self.connected.load_full().relists,
                SERIES_ENDPOINT,
                &parameters,
                &asked.to,
            )
            .await?;
        let mut reader = SeriesReader::default();
        let take = |stream: &mut AnswerStream| {
            while let Some(()) = stream.element(reader.seed())? {
                reader.take()?;
            }
            Ok(())
        };
        let answer = AnswerStream::new(SERIES, self.max_answer);
        let fields = self.read(response, answer, take).await?;
        self.warnings
            .log(&self.display_url, selector, &fields.warnings);
        Ok(reader.finish())
    }

    async fn samples(
        &self,
        to: &Destination,
        query: &str,
        take: &mut (dyn FnMut(Sample) + Send),
    ) -> Result<ResultType, PrometheusError> {
        // Without a time: now by Prometheus' clock.
        let time = self.options.at.map(|at| format!("{:.3}", seconds(at)));
        let mut parameters = vec![("query", query)];
        parameters.extend(time.as_deref().map(|time| ("time", time)));
        let response = self
            .send(
                &self.connected.load_full().queries,
                QUERY_ENDPOINT,
                &parameters,
                to,
            )
            .await?;
        let take = |stream: &mut AnswerStream| {
            while let Some(element) = stream.element(PhantomData::<Element>)? {
                element.sample().into_iter().for_each(&mut *take);
            }
            Ok(())
        };
        let answer = AnswerStream::new(SAMPLES, self.max_answer);
        let fields = self.read(response, answer, take).await?;
        self.warnings
            .log(&self.display_url, query, &fields.warnings);
        Ok(match fields.result_type.as_str() {
            SCALAR => ResultType::Scalar,
            _ => ResultType::Vector,
        })
    }

    /// Sends a request and gives the answer if it may be one of Prometheus' API.
    async fn send(
        &self,
        client: &reqwest::Client,
        endpoint: &str,
        parameters: &[(&str, &str)],
        to: &Destination,
    ) -> Result<Response, PrometheusError> {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}{endpoint}",
            self.base.path().trim_end_matches('/')
        ));
        url.set_query(None);
        let mut with_query = url.clone();
        with_query.query_pairs_mut().extend_pairs(parameters);
        let query_string = with_query.query().map_or(0, str::len);
        let mut request = if self.options.post || query_string > MAX_QUERY_STRING {
            client.post(url).form(parameters)
        } else {
            client.get(with_query)
        };
        request = self.authorized(request).await?;
        // They go before those of the same name that all requests have.
        for (name, value) in &to.headers {
            request = request.header(&**name, value);
        }
        if let Some(trace) = Trace::current() {
            request = request.header(TRACEPARENT, trace.traceparent());
        }
        let response = request.send().await.map_err(|error| self.failed(error))?;
        self.compare_clocks(response.headers());
        let status = response.status().as_u16();
        // Prometheus' API has no other codes (`pkg/client/api.go`).
        if !matches!(status, 200..=299 | 400 | 422 | 503) {
            return Err(PrometheusError::NoAnswer {
                url: self.display_url.clone(),
                status,
                reason: format!("unknown response code {status}"),
            });
        }
        Ok(response)
    }

    /// A request with who asks. A header goes before a token, a token before a user, and flags before
    /// a kubeconfig, as in Go.
    async fn authorized(&self, request: RequestBuilder) -> Result<RequestBuilder, PrometheusError> {
        if self.has_authorization {
            return Ok(request);
        }
        if let Some((user, path)) = &self.options.basic_auth {
            let password = secret("password", path).await?;
            return Ok(request.basic_auth(user, Some(password)));
        }
        let connected = self.connected.load_full();
        let token = match (&self.options.token_file, &connected.material.token) {
            (Some(path), _) | (None, Token::File(path)) => {
                Some(secret("bearer token", path).await?)
            }
            (None, Token::Text(token)) => Some(token.trim().to_owned()),
            (None, Token::None) => None,
        };
        let user = self.user.as_ref().or(connected.material.user.as_ref());
        Ok(match (token, user) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Some((user, password))) => request.basic_auth(user, password.as_ref()),
            (None, None) => request,
        })
    }

    /// Reads an answer piece by piece; `take` takes the elements that each piece completes.
    async fn read(
        &self,
        mut response: Response,
        mut stream: AnswerStream,
        mut take: impl FnMut(&mut AnswerStream) -> Result<(), StreamError>,
    ) -> Result<Fields, PrometheusError> {
        let status = response.status().as_u16();
        let unreadable = |error| PrometheusError::unreadable(&self.display_url, status, error);
        while let Some(piece) = response.chunk().await.map_err(|error| self.failed(error))? {
            let taken = stream.feed(&piece).and_then(|()| take(&mut stream));
            taken.map_err(unreadable)?;
        }
        stream.close();
        take(&mut stream).map_err(unreadable)?;
        let fields = stream.fields().map_err(unreadable)?;
        match fields.status.as_str() {
            "success" if fields.list => Ok(fields),
            "success" if !fields.result_type.is_empty() => Err(PrometheusError::NoVector {
                kind: fields.result_type,
            }),
            "success" => Err(PrometheusError::NoAnswer {
                url: self.display_url.clone(),
                status,
                reason: "there is no list in it".to_owned(),
            }),
            _ => Err(PrometheusError::Rejected {
                url: self.display_url.clone(),
                status,
                kind: fields.error_type,
                message: fields.error,
            }),
        }
    }

    fn failed(&self, source: reqwest::Error) -> PrometheusError {
        PrometheusError::Send {
            url: self.display_url.clone(),
            // The URL in the error would show the query, or credentials.
            source: source.without_url(),
        }
    }

    /// Notes how far Prometheus' clock is ahead, to a second: series are asked for by its time.
    fn compare_clocks(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
        if let Some(date) = date {
            let ahead = date.as_second() - Timestamp::now().as_second();
            self.ahead.store(ahead, Ordering::Relaxed);
        }
    }
}

/// What a file holds, without white space around it. It is read at every request, because secrets are renewed.
async fn secret(what: &'static str, path: &Path) -> Result<String, PrometheusError> {
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|source| PrometheusError::Secret {
        what,
        path: path.display().to_string(),
        source,
    })?;
    Ok(text.trim().to_owned())
}

fn seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}

impl PrometheusClient for HttpClient {
    fn series<'a>(
        &'a self,
        asked: &'a SeriesQuery,
        max_age: Duration,
    ) -> BoxFuture<'a, Result<FoundSeries, PrometheusError>> {
        Box::pin(self.timed(SERIES_ENDPOINT, self.found(asked, max_age)))
    }

    fn query<'a>(
        &'a self,
        to: &'a Destination,
        query: &'a str,
        take: &'a mut (dyn FnMut(Sample) + Send),
    ) -> BoxFuture<'a, Result<ResultType, PrometheusError>> {
        Box::pin(self.timed(QUERY_ENDPOINT, self.samples(to, query, take)))
    }
}

#[cfg(test)]
mod tests;
