//! The flags of klog (`k8s.io/klog/v2`), which prometheus-adapter has by way of
//! `k8s.io/component-base/logs`.

/// Accepted and without effect: they say where klog writes and in which format, and the adapter
/// writes to standard error. Many manifests have `--logtostderr`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct KlogArgs {
    #[arg(long = "add_dir_header", hide = true, num_args = 0..=1, require_equals = true)]
    pub(crate) add_dir_header: Option<Option<String>>,
    #[arg(long = "alsologtostderr", hide = true, num_args = 0..=1, require_equals = true)]
    pub(crate) alsologtostderr: Option<Option<String>>,
    #[arg(long = "log_backtrace_at", hide = true)]
    pub(crate) log_backtrace_at: Option<String>,
    #[arg(long = "log_dir", hide = true)]
    pub(crate) log_dir: Option<String>,
    #[arg(long = "log_file", hide = true)]
    pub(crate) log_file: Option<String>,
    #[arg(long = "log_file_max_size", hide = true)]
    pub(crate) log_file_max_size: Option<String>,
    #[arg(long = "log-flush-frequency", hide = true)]
    pub(crate) log_flush_frequency: Option<String>,
    #[arg(long = "logtostderr", hide = true, num_args = 0..=1, require_equals = true)]
    pub(crate) logtostderr: Option<Option<String>>,
    #[arg(long = "one_output", hide = true, num_args = 0..=1, require_equals = true)]
    pub(crate) one_output: Option<Option<String>>,
    #[arg(long = "skip_headers", hide = true, num_args = 0..=1, require_equals = true)]
    pub(crate) skip_headers: Option<Option<String>>,
    #[arg(long = "skip_log_headers", hide = true, num_args = 0..=1, require_equals = true)]
    pub(crate) skip_log_headers: Option<Option<String>>,
    #[arg(long = "stderrthreshold", hide = true)]
    pub(crate) stderrthreshold: Option<String>,
    #[arg(long = "vmodule", hide = true)]
    pub(crate) vmodule: Option<String>,
}
