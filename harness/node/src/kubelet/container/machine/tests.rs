use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const GRACE: Duration = Duration::from_secs(30);

fn plan(probes: &[Kind]) -> ContainerPlan {
    let probe = |kind: Kind| {
        let probe = serde_json::from_value(serde_json::json!({"tcpSocket": {"port": 80}}));
        let plan = crate::kubelet::probe::Plan::of(probe.expect("a probe"));
        probes.contains(&kind).then(|| plan.expect("supported"))
    };
    ContainerPlan {
        name: "app".to_owned(),
        image: "example.org/app:v1".to_owned(),
        startup: probe(Kind::Startup),
        readiness: probe(Kind::Readiness),
        liveness: probe(Kind::Liveness),
        ..ContainerPlan::default()
    }
}

/// A machine with a clock that moves only when told to, and every effect so far.
struct Test {
    machine: ContainerMachine,
    now: Now,
    effects: Vec<Effect>,
}

impl Test {
    fn new(restart_policy: RestartPolicy, probes: &[Kind]) -> Self {
        let identity = Identity {
            namespace: "shop".to_owned(),
            pod: "web-1".to_owned(),
            uid: "u".to_owned(),
        };
        let backoff = RestartBackoff::default();
        let mut machine =
            ContainerMachine::new(plan(probes), identity, restart_policy, GRACE, backoff);
        let effects = machine.start();
        let now = Now {
            instant: Instant::now(),
            time: Timestamp::UNIX_EPOCH,
        };
        Self {
            machine,
            now,
            effects,
        }
    }

    fn running(restart_policy: RestartPolicy, probes: &[Kind]) -> Self {
        let mut test = Self::new(restart_policy, probes);
        test.run();
        test
    }

    fn run(&mut self) {
        self.on(Event::Configured);
        let image_id = "program:/app".to_owned();
        self.on(Event::Started { image_id });
    }

    fn on(&mut self, event: Event) -> Vec<Effect> {
        let effects = self.machine.on(event, self.now);
        self.effects.extend(effects.iter().cloned());
        effects
    }

    fn pass(&mut self, seconds: u64) -> Vec<Effect> {
        self.now.instant += Duration::from_secs(seconds);
        self.on(Event::Deadline)
    }

    fn state(&self) -> &'static str {
        match &self.machine.snapshot().state {
            State::Waiting { reason, .. } => reason,
            State::Running { .. } => "Running",
            State::Terminated(ending) => ending.reason,
        }
    }

    fn is_ready(&self) -> bool {
        self.machine.snapshot().ready
    }
}

fn without_reports(effects: Vec<Effect>) -> Vec<Effect> {
    let is_action = |effect: &Effect| !matches!(effect, Effect::Publish(_) | Effect::Record { .. });
    effects.into_iter().filter(is_action).collect()
}

#[test]
fn a_container_that_ends_is_started_again_as_its_policy_says() {
    for (policy, code, restarts) in [
        (RestartPolicy::Always, 0, true),
        (RestartPolicy::OnFailure, 0, false),
        (RestartPolicy::OnFailure, 1, true),
        (RestartPolicy::Never, 1, false),
    ] {
        let mut test = Test::running(policy, &[]);
        let effects = without_reports(test.on(Event::Exited(code)));
        assert_eq!(
            effects.contains(&Effect::Configure),
            restarts,
            "{policy:?}, {code}"
        );
        assert_eq!(test.machine.is_over(), !restarts, "{policy:?}, {code}");
        assert_eq!(test.machine.snapshot().restarts, u32::from(restarts));
    }
}

#[test]
fn the_first_restart_comes_at_once_and_the_second_after_ten_seconds() {
    let mut test = Test::running(RestartPolicy::Always, &[]);
    test.on(Event::Exited(1));
    test.run();
    assert_eq!(test.state(), "Running");
    let effects = test.on(Event::Exited(1));
    assert_eq!(without_reports(effects), []);
    assert_eq!(test.state(), "CrashLoopBackOff");
    assert_eq!(test.pass(9), []);
    assert_eq!(test.pass(1), [Effect::Configure]);
    assert_eq!(test.machine.snapshot().restarts, 2);
}

#[test]
fn a_terminated_run_is_reported_before_the_next_one_counts() {
    let mut test = Test::running(RestartPolicy::Always, &[]);
    let effects = test.on(Event::Exited(3));
    let [Effect::Publish(reported), Effect::Configure] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(matches!(&reported.state, State::Terminated(ending) if ending.exit_code == 3));
    assert_eq!((reported.restarts, &reported.last), (0, &None));
    assert_eq!(test.machine.snapshot().restarts, 1);
}

#[test]
fn a_container_without_a_readiness_probe_is_ready_once_it_has_started() {
    assert!(Test::running(RestartPolicy::Always, &[]).is_ready());
    let mut test = Test::running(RestartPolicy::Always, &[Kind::Startup]);
    assert!(!test.is_ready());
    let effects = without_reports(test.on(Event::Probed(Kind::Startup, true)));
    assert_eq!(effects, [Effect::Probe]);
    assert!(test.is_ready());
}

#[test]
fn a_readiness_probe_decides_over_readiness() {
    let mut test = Test::running(RestartPolicy::Always, &[Kind::Readiness]);
    assert!(!test.is_ready());
    for ready in [true, false, true] {
        test.on(Event::Probed(Kind::Readiness, ready));
        assert_eq!(test.is_ready(), ready);
    }
    test.on(Event::Stop(GRACE));
    assert!(test.is_ready(), "its probe passes");
    test.on(Event::Probed(Kind::Readiness, false));
    assert!(!test.is_ready(), "its probe fails while it ends");
    test.on(Event::Probed(Kind::Readiness, true));
    test.on(Event::Exited(0));
    assert!(!test.is_ready(), "nothing runs");
}

#[test]
fn a_container_that_fails_its_liveness_probe_is_ended_within_the_pods_grace_period() {
    let mut test = Test::running(RestartPolicy::Always, &[Kind::Liveness]);
    let effects = test.on(Event::Probed(Kind::Liveness, false));
    assert_eq!(
        effects,
        [
            normal(
                "Killing",
                "Container app failed liveness probe, will be restarted"
            ),
            Effect::Terminate
        ]
    );
    assert_eq!(test.pass(29), []);
    assert_eq!(test.pass(1), [Effect::Kill]);
    let effects = without_reports(test.on(Event::Exited(137)));
    assert_eq!(effects, [Effect::Configure]);
}

#[test]
fn a_pods_end_goes_before_the_grace_period_of_an_unhealthy_container() {
    let mut test = Test::running(RestartPolicy::Always, &[Kind::Liveness]);
    test.on(Event::Probed(Kind::Liveness, false));
    assert_eq!(test.on(Event::Stop(Duration::from_secs(5))), []);
    assert_eq!(test.pass(5), [Effect::Kill]);
    test.on(Event::Exited(137));
    assert!(test.machine.is_over(), "a pod that ends restarts nothing");
}

#[test]
fn a_grace_period_that_gets_shorter_ends_the_wait_but_two_seconds_are_left() {
    let mut test = Test::running(RestartPolicy::Always, &[]);
    let effects = test.on(Event::Stop(GRACE));
    assert_eq!(
        effects,
        [
            normal("Killing", "Stopping container app"),
            Effect::Terminate
        ]
    );
    test.on(Event::Stop(Duration::ZERO));
    assert_eq!(test.pass(1), []);
    assert_eq!(test.pass(1), [Effect::Kill]);
    assert_eq!(test.pass(100), [], "it is killed once");
}

#[test]
fn a_stop_in_the_middle_of_a_start_ends_the_process_as_soon_as_it_is_there() {
    let mut test = Test::new(RestartPolicy::Always, &[]);
    test.on(Event::Configured);
    assert_eq!(test.on(Event::Stop(GRACE)), []);
    let image_id = "program:/app".to_owned();
    let effects = without_reports(test.on(Event::Started { image_id }));
    assert_eq!(effects, [Effect::Probe, Effect::Terminate]);
}

#[test]
fn a_container_that_waits_is_over_as_soon_as_its_pod_ends() {
    let mut configuring = Test::new(RestartPolicy::Always, &[]);
    configuring.on(Event::NotConfigured("configmap \"a\" not found".to_owned()));
    assert_eq!(configuring.state(), "CreateContainerConfigError");
    let mut backing_off = Test::running(RestartPolicy::Always, &[]);
    backing_off.on(Event::Exited(1));
    backing_off.run();
    backing_off.on(Event::Exited(1));
    for mut test in [configuring, backing_off] {
        assert_eq!(test.on(Event::Stop(GRACE)), []);
        assert!(test.machine.is_over());
        assert_eq!(test.machine.deadline(), None);
    }
}

#[test]
fn a_missing_reference_is_looked_for_again_at_a_change_and_after_ten_seconds() {
    let mut test = Test::new(RestartPolicy::Always, &[]);
    let missing = || Event::NotConfigured("secret \"a\" not found".to_owned());
    test.on(missing());
    assert_eq!(test.on(Event::ReferencesChanged), [Effect::Configure]);
    test.on(missing());
    assert_eq!(test.pass(9), []);
    assert_eq!(test.pass(1), [Effect::Configure]);
    assert_eq!(test.on(Event::ReferencesChanged), [], "it is being read");
}

#[test]
fn a_program_that_can_not_be_started_counts_as_a_run_that_failed() {
    let mut test = Test::new(RestartPolicy::OnFailure, &[]);
    test.on(Event::Configured);
    test.on(Event::NotStarted("no such file".to_owned()));
    let last = test.machine.snapshot().last.clone().expect("a last run");
    assert_eq!((last.exit_code, last.reason), (128, "StartError"));
    assert_eq!(test.machine.snapshot().restarts, 1);
}

#[test]
fn an_unknown_image_is_ready_after_the_time_that_its_pod_says() {
    let mut test = Test::new(RestartPolicy::Always, &[]);
    test.machine.simulate(Duration::from_secs(3), test.now);
    assert!(!test.is_ready());
    assert_eq!(test.pass(2), []);
    test.pass(1);
    assert!(test.is_ready());
    test.on(Event::Stop(GRACE));
    assert_eq!(test.state(), "Completed");
    assert!(test.machine.is_over());
}

#[test]
fn durations_are_printed_as_go_prints_them() {
    for (seconds, text) in [(10, "10s"), (160, "2m40s"), (300, "5m0s")] {
        assert_eq!(go_duration(Duration::from_secs(seconds)), text);
    }
    assert_eq!(go_duration(Duration::from_millis(500)), "500ms");
}

/// One thing that the world does to a container; those that are impossible at the time are left out.
fn happening() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => Just(Event::Configured),
        1 => Just(Event::NotConfigured("missing".to_owned())),
        1 => Just(Event::ReferencesChanged),
        2 => Just(Event::Started { image_id: "program:/app".to_owned() }),
        1 => Just(Event::NotStarted("missing".to_owned())),
        3 => (prop_oneof![Just(Kind::Startup), Just(Kind::Readiness), Just(Kind::Liveness)], any::<bool>())
            .prop_map(|(kind, result)| Event::Probed(kind, result)),
        3 => (0..3).prop_map(Event::Exited),
        4 => Just(Event::Deadline),
        1 => (0u64..40).prop_map(|seconds| Event::Stop(Duration::from_secs(seconds))),
    ]
}

/// What the driver would know: which answers are outstanding, and whether a process runs.
#[derive(Default)]
struct World {
    configuring: bool,
    starting: bool,
    running: bool,
    stopped_at: Option<(Instant, Duration)>,
}

impl World {
    fn can(&self, event: &Event) -> bool {
        match event {
            Event::Configured | Event::NotConfigured(_) => self.configuring,
            Event::Started { .. } | Event::NotStarted(_) => self.starting,
            Event::Probed(..) | Event::Exited(_) => self.running,
            Event::ReferencesChanged | Event::Stop(_) | Event::Deadline => true,
        }
    }

    fn happens(&mut self, event: &Event, now: Now) {
        match event {
            Event::Configured | Event::NotConfigured(_) => self.configuring = false,
            Event::Started { .. } => (self.starting, self.running) = (false, true),
            Event::NotStarted(_) => self.starting = false,
            Event::Exited(_) => self.running = false,
            Event::Stop(left) => {
                self.stopped_at = Some((self.stopped_at.map_or(now.instant, |at| at.0), *left));
            }
            Event::Probed(..) | Event::ReferencesChanged | Event::Deadline => {}
        }
    }

    fn does(&mut self, effect: &Effect) {
        match effect {
            Effect::Configure => {
                assert!(
                    !self.running && !self.starting,
                    "a process is there already"
                );
                self.configuring = true;
            }
            Effect::Start => {
                assert!(!self.running && !self.starting, "it runs twice");
                assert_eq!(self.stopped_at, None, "its pod is to end");
                self.starting = true;
            }
            Effect::Terminate | Effect::Kill => assert!(self.running, "nothing to end"),
            Effect::Probe | Effect::Publish(_) | Effect::Record { .. } => {}
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_laws_of_a_container_hold(
        probes in proptest::sample::subsequence(vec![Kind::Startup, Kind::Readiness, Kind::Liveness], 0..=3),
        policy in prop_oneof![
            Just(RestartPolicy::Always), Just(RestartPolicy::OnFailure), Just(RestartPolicy::Never)
        ],
        events in proptest::collection::vec((0u64..400, happening()), 0..80),
    ) {
        let mut test = Test::new(policy, &probes);
        let mut world = World { configuring: true, ..World::default() };
        let mut passed = None;
        for (seconds, event) in events {
            if !world.can(&event) {
                continue;
            }
            test.now.instant += Duration::from_secs(seconds);
            world.happens(&event, test.now);
            match &event {
                Event::Started { .. } => passed = None,
                Event::Probed(Kind::Readiness, result) => passed = Some(*result),
                _ => {}
            }
            let before = test.machine.snapshot().clone();
            let effects = test.on(event);
            effects.iter().for_each(|effect| world.does(effect));
            let after = test.machine.snapshot();
            prop_assert!(after.restarts >= before.restarts, "restart counts only grow");
            prop_assert!(
                !after.ready || world.running,
                "ready although nothing runs"
            );
            prop_assert!(
                !after.ready || !probes.contains(&Kind::Readiness) || passed == Some(true),
                "ready without a passed probe"
            );
            if let Some(deadline) = test.machine.deadline() {
                let wait = deadline.saturating_duration_since(test.now.instant);
                prop_assert!(wait <= RestartBackoff::default().max, "{wait:?} is above the cap");
            }
            if let Some((_, left)) = world.stopped_at {
                prop_assert!(
                    test.machine.is_over() || world.running || world.starting,
                    "a pod that ends waits for nothing but its processes"
                );
                if let Some(deadline) = test.machine.deadline() {
                    let limit = test.now.instant + left.max(LEAST_GRACE);
                    prop_assert!(deadline <= limit, "it is killed too late");
                }
            }
            prop_assert!(!test.machine.is_over() || !world.running, "over, and still running");
        }
    }
}
