#include "comm/elastic/packet.h"

#include <utility>

#include "base/check.h"

namespace skein {

std::string header_and_text(const Packet& p) {
  CHECK(p.text.size() <= kLongestText, "a text of {} bytes", p.text.size());
  const PacketHeader header{uint32_t(p.kind), uint32_t(p.text.size()), p.payload ? int64_t(p.payload->size()) : 0};
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + p.text;
}

bool PacketReader::header_makes_sense() const {
  if (header_.text > kLongestText) return false;
  switch (PacketKind(header_.kind)) {
    case PacketKind::state:
    case PacketKind::follow:
      return header_.payload == state_;
    case PacketKind::contribute:
      return header_.payload == 0 || header_.payload == contribution_;
    case PacketKind::rest:
      return 0 < header_.payload && header_.payload <= state_;
    case PacketKind::join:
    case PacketKind::refuse:
    case PacketKind::ack:
    case PacketKind::dropped:
    case PacketKind::left:
    case PacketKind::beat:
    case PacketKind::done:
    case PacketKind::resume:
      return header_.payload == 0;
  }
  return false;
}

char* PacketReader::room() {
  if (done_ < sizeof header_) return reinterpret_cast<char*>(&header_) + done_;
  const size_t after = done_ - sizeof header_;
  return after < text_.size() ? text_.data() + after : payload_->data() + (after - text_.size());
}

size_t PacketReader::missing() const {
  if (done_ < sizeof header_) return sizeof header_ - done_;
  const size_t after = done_ - sizeof header_;
  return after < text_.size() ? text_.size() - after : text_.size() + payload_->size() - after;
}

bool PacketReader::advance(size_t bytes) {
  const bool in_header = done_ < sizeof header_;
  done_ += bytes;
  if (in_header && done_ == sizeof header_) {
    broken_ = !header_makes_sense();
    if (broken_) return false;
    text_.resize(header_.text);
    payload_ = std::make_shared<std::string>(size_t(header_.payload), '\0');
  }
  return done_ >= sizeof header_ && done_ == sizeof header_ + text_.size() + payload_->size();
}

Packet PacketReader::take() {
  done_ = 0;
  Packet packet{PacketKind(header_.kind), std::exchange(text_, {}), {}};
  if (!payload_->empty()) packet.payload = std::move(payload_);
  payload_.reset();
  return packet;
}

std::optional<PartOfPacket> PacketReader::take_part() {
  const auto kind = PacketKind(header_.kind);
  if (broken_ || done_ < sizeof header_ + text_.size()) return {};
  if (kind != PacketKind::state && kind != PacketKind::rest) return {};
  PartOfPacket part{kind, std::exchange(text_, {}), std::move(*payload_)};
  part.payload.resize(done_ - sizeof header_ - part.text.size());
  payload_.reset();
  done_ = 0;
  return part;
}

}  // namespace skein
