use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;

use super::*;

fn pod(grace: Option<i64>) -> Arc<Pod> {
    let mut pod = Pod::default();
    pod.metadata.deletion_timestamp = grace.map(|_| Time(jiff::Timestamp::UNIX_EPOCH));
    pod.metadata.deletion_grace_period_seconds = grace;
    Arc::new(pod)
}

/// A machine with a clock that moves only when told to.
struct Test {
    machine: PodMachine,
    now: Instant,
}

impl Test {
    fn new(is_real: bool, has_readiness_gates: bool) -> Self {
        let mut machine = PodMachine::new(pod(None), is_real, has_readiness_gates);
        let first = machine.start(None);
        assert_eq!(first, [Effect::Report { ending: false }, Effect::Connect]);
        let now = Instant::now();
        Self { machine, now }
    }

    fn running() -> Self {
        let mut test = Self::new(true, false);
        test.on(Event::Connected);
        let effects = test.on(Event::Mounted { renew: None });
        assert_eq!(effects, [Effect::StartContainers, Effect::WriteVolumes]);
        test
    }

    fn on(&mut self, event: Event) -> Vec<Effect> {
        self.machine.on(event, self.now)
    }

    fn pass(&mut self, milliseconds: u64) -> Vec<Effect> {
        self.now += Duration::from_millis(milliseconds);
        self.on(Event::Deadline)
    }
}

fn recorded(effects: &[Effect]) -> Vec<&'static str> {
    let reason = |effect: &Effect| match effect {
        Effect::Record { reason, .. } => Some(*reason),
        _ => None,
    };
    effects.iter().filter_map(reason).collect()
}

#[test]
fn a_sandbox_that_fails_is_tried_again_at_growing_intervals_up_to_two_minutes() {
    let mut test = Test::new(true, false);
    for milliseconds in [500, 1000, 2000, 4000] {
        let effects = test.on(Event::NotConnected("no room".to_owned()));
        assert_eq!(recorded(&effects), ["FailedCreatePodSandBox"]);
        assert_eq!(test.pass(milliseconds - 1), []);
        assert_eq!(test.pass(1), [Effect::Connect]);
    }
    for _ in 0..10 {
        test.on(Event::NotConnected("no room".to_owned()));
        test.pass(122_000);
    }
    test.on(Event::NotConnected("no room".to_owned()));
    let wait = test.machine.deadline().expect("a retry") - test.now;
    assert_eq!(wait, LAST_RETRY);
}

#[test]
fn a_volume_that_fails_is_tried_again_at_once_when_what_it_holds_changes() {
    let mut test = Test::new(true, false);
    assert_eq!(test.on(Event::Connected), [Effect::Mount]);
    assert_eq!(test.on(Event::ReferencesChanged), [], "it is being written");
    let effects = test.on(Event::NotMounted("secret \"a\" not found".to_owned()));
    assert_eq!(recorded(&effects), ["FailedMount"]);
    assert_eq!(test.on(Event::ReferencesChanged), [Effect::Mount]);
}

#[test]
fn a_pod_of_unknown_images_has_no_volumes() {
    let mut test = Test::new(false, false);
    assert_eq!(test.on(Event::Connected), [Effect::StartContainers]);
    assert_eq!(test.on(Event::ReferencesChanged), []);
    assert_eq!(test.on(Event::NamesChanged), []);
}

#[test]
fn a_status_that_did_not_arrive_is_sent_again() {
    let mut test = Test::running();
    let report = [Effect::Report { ending: false }];
    assert_eq!(test.on(Event::ContainersChanged), report);
    assert_eq!(test.on(Event::Reported(false)), []);
    assert_eq!(test.pass(499), []);
    assert_eq!(test.pass(1), report);
    test.on(Event::Reported(true));
    assert_eq!(test.machine.deadline(), None);
}

#[test]
fn volumes_follow_what_they_hold_until_the_pod_ends() {
    let mut test = Test::running();
    assert_eq!(test.on(Event::ReferencesChanged), [Effect::WriteVolumes]);
    assert_eq!(
        test.on(Event::RenewTokens),
        [Effect::ForgetTokens, Effect::WriteVolumes]
    );
    let renew = Some(test.now + Duration::from_secs(60));
    test.on(Event::Mounted { renew });
    assert_eq!(test.pass(60_000), [Effect::WriteVolumes]);
    test.on(Event::NotMounted("no answer".to_owned()));
    assert_eq!(test.pass(1999), []);
    assert_eq!(test.pass(1), [Effect::WriteVolumes]);
    test.on(Event::Mounted { renew });
    test.on(Event::Pod(Some(pod(Some(30)))));
    assert_eq!(
        test.machine.deadline(),
        None,
        "a token is not renewed any more"
    );
    assert_eq!(test.on(Event::ReferencesChanged), []);
}

#[test]
fn labels_that_change_are_written_into_volumes() {
    let mut test = Test::running();
    assert_eq!(
        test.on(Event::Pod(Some(pod(None)))),
        [],
        "nothing has changed"
    );
    let mut labelled = Pod::clone(&pod(None));
    labelled.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    let labelled = Event::Pod(Some(Arc::new(labelled)));
    assert_eq!(test.on(labelled.clone()), [Effect::WriteVolumes]);
    assert_eq!(test.on(labelled), []);
}

#[test]
fn a_readiness_gate_is_looked_at_whenever_the_pod_changes() {
    let mut test = Test::new(false, true);
    test.on(Event::Connected);
    let effects = test.on(Event::Pod(Some(pod(None))));
    assert_eq!(effects, [Effect::Report { ending: false }]);
}

#[test]
fn a_deleted_pod_is_removed_once_its_containers_have_ended_and_that_is_reported() {
    let mut test = Test::running();
    let stop = |seconds| Effect::StopContainers(Duration::from_secs(seconds));
    assert_eq!(test.on(Event::Pod(Some(pod(Some(30))))), [stop(30)]);
    assert_eq!(test.on(Event::Pod(Some(pod(Some(30))))), [], "it is known");
    assert_eq!(test.on(Event::Pod(Some(pod(Some(5))))), [stop(5)]);
    let last = [Effect::Report { ending: true }];
    assert_eq!(test.on(Event::ContainersChanged), last);
    assert_eq!(test.on(Event::ContainersEnded), last);
    assert_eq!(test.on(Event::Reported(false)), []);
    assert_eq!(test.pass(500), last);
    let effects = test.on(Event::Reported(true));
    assert_eq!(effects, [Effect::Disconnect, Effect::Delete]);
    assert_eq!(test.on(Event::Deleted(false)), []);
    assert_eq!(test.pass(500), [Effect::Delete]);
    test.on(Event::Deleted(true));
    assert!(test.machine.is_over());
}

#[test]
fn a_pod_that_has_completed_waits_for_its_deletion() {
    let mut test = Test::running();
    test.on(Event::ContainersEnded);
    assert_eq!(test.on(Event::Reported(true)), [Effect::Disconnect]);
    assert!(!test.machine.is_over());
    assert_eq!(test.on(Event::Pod(Some(pod(Some(0))))), [Effect::Delete]);
    test.on(Event::Pod(None));
    assert!(test.machine.is_over());
}

#[test]
fn a_pod_that_is_deleted_before_its_containers_start_gives_back_what_it_has() {
    let mut connecting = Test::new(true, false);
    connecting.on(Event::NotConnected("no room".to_owned()));
    let mut mounting = Test::new(true, false);
    mounting.on(Event::Connected);
    for mut test in [connecting, mounting] {
        assert_eq!(
            test.on(Event::Pod(Some(pod(Some(30))))),
            [
                Effect::Report { ending: true },
                Effect::Disconnect,
                Effect::Delete
            ]
        );
    }
}

#[test]
fn a_refused_pod_is_reported_until_that_arrives_and_never_runs() {
    let mut machine = PodMachine::new(pod(None), true, false);
    let effects = machine.start(Some(("SetpointUnsupportedField", "tty".to_owned())));
    assert_eq!(recorded(&effects), ["SetpointUnsupportedField"]);
    assert_eq!(effects.last(), Some(&Effect::ReportRefused));
    let now = Instant::now();
    machine.on(Event::Reported(false), now);
    let again = machine.on(Event::Deadline, now + FIRST_RETRY);
    assert_eq!(again, [Effect::ReportRefused]);
    assert_eq!(machine.on(Event::Reported(true), now), []);
    let deleted = Event::Pod(Some(pod(Some(30))));
    assert_eq!(machine.on(deleted, now), [Effect::Delete]);
}

#[test]
fn a_pod_that_was_over_before_this_kubelet_saw_it_is_only_deleted() {
    let mut machine = PodMachine::new(pod(Some(0)), true, false);
    assert_eq!(machine.start(None), [Effect::Delete]);
}

/// What the world does to a pod; the second value decides whether what is asked of it succeeds.
fn happening() -> impl Strategy<Value = (u8, bool)> {
    (0u8..9, any::<bool>())
}

/// The effects' answers that the driver owes the machine.
fn answer(effect: &Effect, succeeds: bool) -> Option<Event> {
    let why = || "no".to_owned();
    Some(match (effect, succeeds) {
        (Effect::Connect, true) => Event::Connected,
        (Effect::Connect, false) => Event::NotConnected(why()),
        (Effect::Mount | Effect::WriteVolumes, true) => Event::Mounted { renew: None },
        (Effect::Mount | Effect::WriteVolumes, false) => Event::NotMounted(why()),
        (Effect::Report { .. } | Effect::ReportRefused, arrived) => Event::Reported(arrived),
        (Effect::Delete, gone) => Event::Deleted(gone),
        _ => return None,
    })
}

/// What must hold of effects in any order of events.
#[derive(Default)]
struct World {
    connected: bool,
    started: bool,
    disconnected: bool,
    containers_run: bool,
}

impl World {
    fn does(&mut self, effect: &Effect) {
        match effect {
            Effect::StartContainers => {
                assert!(
                    self.connected && !self.started,
                    "containers start once, in a sandbox"
                );
                (self.started, self.containers_run) = (true, true);
            }
            Effect::StopContainers(_) => assert!(self.started),
            Effect::Disconnect => {
                assert!(
                    !self.disconnected && !self.containers_run,
                    "something still runs"
                );
                self.disconnected = true;
            }
            Effect::Delete => assert!(!self.containers_run, "something still runs"),
            _ => {}
        }
    }

    /// Carries out effects as the driver does, each answer at once.
    fn carry_out(&mut self, test: &mut Test, effects: Vec<Effect>, succeeds: bool) {
        let mut effects = std::collections::VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            self.does(&effect);
            if let Some(event) = answer(&effect, succeeds) {
                self.connected |= matches!(event, Event::Connected);
                effects.extend(test.on(event));
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_a_deleted_pod_ends_and_gives_back_what_it_has(
        is_real in any::<bool>(), gates in any::<bool>(),
        events in proptest::collection::vec(happening(), 0..60),
    ) {
        let mut test = Test::new(is_real, gates);
        let mut world = World::default();
        world.carry_out(&mut test, vec![Effect::Connect], false);
        for (kind, succeeds) in events {
            let event = match kind {
                0 => Event::Pod(Some(pod(None))),
                1 => Event::ContainersChanged,
                2 if world.containers_run => {
                    world.containers_run = false;
                    Event::ContainersEnded
                }
                3 => Event::ReferencesChanged,
                4 => Event::RenewTokens,
                5 => Event::NamesChanged,
                _ => {
                    test.now += LAST_RETRY;
                    Event::Deadline
                }
            };
            let effects = test.on(event);
            world.carry_out(&mut test, effects, succeeds);
        }
        // Now it is deleted, and everything succeeds: its containers end within their time.
        let effects = test.on(Event::Pod(Some(pod(Some(30)))));
        if world.containers_run {
            prop_assert!(effects.contains(&Effect::StopContainers(Duration::from_secs(30))));
        }
        world.carry_out(&mut test, effects, true);
        if world.containers_run {
            world.containers_run = false;
            let effects = test.on(Event::ContainersEnded);
            world.carry_out(&mut test, effects, true);
        }
        // An attempt that failed before is made again at its time.
        test.now += LAST_RETRY;
        let effects = test.on(Event::Deadline);
        world.carry_out(&mut test, effects, true);
        prop_assert!(test.machine.is_over());
        prop_assert!(world.disconnected);
        prop_assert_eq!(test.machine.deadline(), None);
    }
}
