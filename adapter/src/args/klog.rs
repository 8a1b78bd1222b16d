//! The flags of klog (`k8s.io/klog/v2`), which prometheus-adapter has by way of `k8s.io/component-base/logs`.

/// Understood and without effect: they say where klog writes and in which form. Ours writes to standard error.
///
/// Manifests from everywhere carry `--logtostderr`; they should run.
#[derive(Debug, Clone, clap::Args)]
#[expect(missing_docs, reason = "each is klog's, and none has an effect")]
pub struct KlogArgs {
    #[arg(long = "add_dir_header", hide = true, num_args = 0..=1, require_equals = true)]
    pub add_dir_header: Option<Option<String>>,
    #[arg(long = "alsologtostderr", hide = true, num_args = 0..=1, require_equals = true)]
    pub alsologtostderr: Option<Option<String>>,
    #[arg(long = "log_backtrace_at", hide = true)]
    pub log_backtrace_at: Option<String>,
    #[arg(long = "log_dir", hide = true)]
    pub log_dir: Option<String>,
    #[arg(long = "log_file", hide = true)]
    pub log_file: Option<String>,
    #[arg(long = "log_file_max_size", hide = true)]
    pub log_file_max_size: Option<String>,
    #[arg(long = "log-flush-frequency", hide = true)]
    pub log_flush_frequency: Option<String>,
    #[arg(long = "logtostderr", hide = true, num_args = 0..=1, require_equals = true)]
    pub logtostderr: Option<Option<String>>,
    #[arg(long = "one_output", hide = true, num_args = 0..=1, require_equals = true)]
    pub one_output: Option<Option<String>>,
    #[arg(long = "skip_headers", hide = true, num_args = 0..=1, require_equals = true)]
    pub skip_headers: Option<Option<String>>,
    #[arg(long = "skip_log_headers", hide = true, num_args = 0..=1, require_equals = true)]
    pub skip_log_headers: Option<Option<String>>,
    #[arg(long = "stderrthreshold", hide = true)]
    pub stderrthreshold: Option<String>,
    #[arg(long = "vmodule", hide = true)]
    pub vmodule: Option<String>,
}
