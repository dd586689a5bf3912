#include "apps/model/onnx_file.h"

#include <fmt/format.h>

#include "base/files.h"
#include "engine/onnx/recording.h"

namespace skein {

OnnxFileContents write_onnx_file(const std::string& path, const Model& model, const ParameterStore& parameters,
                                 const ModelInfo& info, bool fold, const LayerTimes* times) {
  OnnxGraph graph = record_onnx([&](const Var& images) { return model.forward(images); }, parameters,
                                {info.height, info.width, info.channels});
  graph.name = info.config.model;
  const int64_t folded = fold ? fold_batch_norms(graph) : 0;
  std::map<std::string, std::string> metadata = model_metadata(info);
  metadata["input"] = fmt::format("(batch, channels, height, width); {} / 255, minus mean, divided by std",
                                  info.channels == 1 ? "grey values" : "red, green and blue");
  if (times) {
    metadata["profile"] = "doc_string of nodes: milliseconds of a training step, measured by skein";
    metadata["profile_elsewhere_ms"] = fmt::format("{:.3g}", annotate(graph, *times));
  }
  write_text(path, to_onnx_file(graph, metadata));
  return {int64_t(graph.nodes.size()), folded, graph.count("BatchNormalization")};
}

}  // namespace skein
