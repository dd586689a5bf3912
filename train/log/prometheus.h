// metrics.prom of a run folder: the newest numbers of its log in the text format of Prometheus
// (prometheus.io/docs/instrumenting/exposition_formats), for node_exporter's textfile collector.
#pragma once

#include <map>
#include <string>

namespace skein {

// values: by names of train/log/log_scalars.h. A name becomes skein_NAME with '_' for what may not stand in it; every
// value is a gauge with the labels.
std::string prometheus_text(const std::map<std::string, double>& values,
                            const std::map<std::string, std::string>& labels);

}  // namespace skein
