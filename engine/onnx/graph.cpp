#include "engine/onnx/graph.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/formats/protobuf.h"

namespace skein {
namespace {

constexpr int64_t kIrVersion = 8;
enum DataType : int64_t { kFloat = 1, kInt64 = 7 };                     // TensorProto.DataType
enum AttributeType : int64_t { kFloatValue = 1, kInt = 2, kInts = 7 };  // AttributeProto.AttributeType

// AttributeProto: name 1, f 2, i 3, ints 8, type 20.
void write_attribute(ProtobufWriter& out, const OnnxAttribute& a) {
  out.text(1, a.name);
  AttributeType type = kInt;
  if (const auto* real = std::get_if<float>(&a.value)) {
    out.real(2, *real);
    type = kFloatValue;
  } else if (const auto* list = std::get_if<std::vector<int64_t>>(&a.value)) {
    for (const int64_t i : *list) out.integer(8, i);
    type = kInts;
  } else {
    out.integer(3, std::get<int64_t>(a.value));
  }
  out.integer(20, type);
}

// NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, doc_string 6.
void write_node(ProtobufWriter& out, const OnnxNode& node) {
  for (const std::string& input : node.inputs) out.text(1, input);
  out.text(2, node.name);
  out.text(3, node.name);
  out.text(4, node.op);
  for (const OnnxAttribute& a : node.attributes) out.message(5, [&] { write_attribute(out, a); });
  if (!node.doc.empty()) out.text(6, node.doc);
}

// TensorProto: dims 1, data_type 2, int64_data 7, name 8, raw_data 9.
void write_constant(ProtobufWriter& out, const std::string& name, const OnnxTensor& tensor) {
  for (const int64_t d : tensor.dims) out.integer(1, d);
  const auto* reals = std::get_if<std::vector<float>>(&tensor.numbers);
  out.integer(2, reals ? kFloat : kInt64);
  if (!reals) out.packed(7, std::get<std::vector<int64_t>>(tensor.numbers));
  out.text(8, name);
  if (reals) out.text(9, {reinterpret_cast<const char*>(reals->data()), reals->size() * sizeof(float)});
}

// ValueInfoProto: name 1, type 2. TypeProto: tensor_type 1. TypeProto.Tensor: elem_type 1, shape 2.
// TensorShapeProto: dim 1. Dimension: dim_value 1, dim_param 2.
void write_port(ProtobufWriter& out, const OnnxPort& port) {
  out.text(1, port.name);
  const auto dimensions = [&] {
    out.message(1, [&] { out.text(2, "batch"); });
    for (const int64_t d : port.dims) out.message(1, [&] { out.integer(1, d); });
  };
  const auto tensor_type = [&] {
    out.integer(1, kFloat);
    out.message(2, dimensions);
  };
  out.message(2, [&] { out.message(1, tensor_type); });
}

// GraphProto: node 1, name 2, initializer 5, input 11, output 12.
void write_graph(ProtobufWriter& out, const OnnxGraph& graph) {
  for (const OnnxNode& node : graph.nodes) out.message(1, [&] { write_node(out, node); });
  out.text(2, graph.name);
  for (const auto& constant : graph.constants)
    out.message(5, [&] { write_constant(out, constant.first, constant.second); });
  out.message(11, [&] { write_port(out, graph.input); });
  out.message(12, [&] { write_port(out, graph.output); });
}

}  // namespace

int64_t OnnxGraph::count(const std::string& op) const {
  return std::count_if(nodes.begin(), nodes.end(), [&](const OnnxNode& node) { return node.op == op; });
}

// ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8, metadata_props 14. OperatorSetIdProto: domain 1,
// version 2. StringStringEntryProto: key 1, value 2.
std::string to_onnx_file(const OnnxGraph& graph, const std::map<std::string, std::string>& metadata) {
  ProtobufWriter out;
  out.integer(1, kIrVersion);
  out.text(2, "skein");
  out.message(7, [&] { write_graph(out, graph); });
  out.message(8, [&] {
    out.text(1, "");  // the operators of ONNX itself
    out.integer(2, kOnnxOperatorSet);
  });
  for (const auto& entry : metadata)
    out.message(14, [&] {
      out.text(1, entry.first);
      out.text(2, entry.second);
    });
  if (out.bytes().size() > size_t(std::numeric_limits<int32_t>::max()))
    throw BadInput("{}: an ONNX file of {} bytes; the format ends at 2 GiB. Use --to torch", graph.name,
                   out.bytes().size());
  return out.bytes();
}

}  // namespace skein
