//! Logs, metrics and the process's clock: the one place that reads them.
