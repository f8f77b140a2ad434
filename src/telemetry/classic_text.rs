//! The classic text format of Prometheus (0.0.4), from the `OpenMetrics` text.
//!
//! Both have the same samples. `OpenMetrics` names the family of a counter without `_total` and of an info without `_info`, states
//! units, and ends with `# EOF`; a scraper of the classic format refuses all three.

/// Writes the metrics of an `OpenMetrics` text in the classic format.
pub(crate) fn classic_text(open_metrics: &str) -> String {
    let suffixes: Vec<(&str, &str)> = open_metrics
        .lines()
        .filter_map(|line| {
            let (family, kind) = line.strip_prefix("# TYPE ")?.rsplit_once(' ')?;
            match kind {
                "counter" => Some((family, "_total")),
                "info" => Some((family, "_info")),
                _ => None,
            }
        })
        .collect();

    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        text.push_str(&classic_line(line, &suffixes));
        text.push('\n');
    }
    text
}

fn classic_line(line: &str, suffixes: &[(&str, &str)]) -> String {
    for keyword in ["# HELP ", "# TYPE "] {
        let Some((family, rest)) = line
            .strip_prefix(keyword)
            .and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        let suffix = suffixes.iter().find(|(known, _)| *known == family);
        let suffix = suffix.map_or("", |(_, suffix)| suffix);
        let rest = match (keyword, rest) {
            ("# TYPE ", "unknown") => "untyped",
            ("# TYPE ", "info" | "stateset") => "gauge",
            (_, rest) => rest,
        };
        return format!("{keyword}{family}{suffix} {rest}");
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_has_its_suffix_and_the_end_is_left_out() {
        let open_metrics = "# HELP hooks Hooks.\n# TYPE hooks counter\nhooks_total{a=\"b\"} 3\n\
                            # HELP took_seconds Time.\n# TYPE took_seconds histogram\n\
                            # UNIT took_seconds seconds\ntook_seconds_sum 1.5\n# EOF\n";
        assert_eq!(
            classic_text(open_metrics),
            "# HELP hooks_total Hooks.\n# TYPE hooks_total counter\nhooks_total{a=\"b\"} 3\n\
             # HELP took_seconds Time.\n# TYPE took_seconds histogram\ntook_seconds_sum 1.5\n"
        );
    }
}
