#include "proc/child/composer.hpp"

#include <chrono>

#include <fmt/format.h>

#include "protocol/header.hpp"
#include "protocol/requests.hpp"
#include "protocol/wire.hpp"

namespace kmux::child {

namespace {

std::string now() {
  using namespace std::chrono;
  return iso_date(duration_cast<microseconds>(system_clock::now().time_since_epoch()).count());
}

}  // namespace

composer::composer(std::string_view key, std::string session, std::string_view tag)
    : signer_(key), session_(std::move(session)), tag_(tag) {
}

std::string composer::make_header(std::string_view type) {
  const std::string id = fmt::format("{}_{}{}", session_, tag_, ++count_);
  return kmux::make_header({id, session_, "kernel", now(), type});
}

void composer::append(frame_list& frames, const outgoing_message& m) {
  const std::string header = make_header(m.type);
  message_view view{header, m.parent_header, m.metadata, m.content, {}};
  view.buffers.assign(m.buffers.begin(), m.buffers.end());
  signer::signature storage;
  for (const auto part : encode_wire(signer_.sign(view, storage), view)) {
    bytes_ += part.size();
    frames.push_back(zmq::message_t(part.data(), part.size()));
  }
}

frame_list composer::reply(std::span<const std::string_view> identities,
                           const outgoing_message& m) {
  frame_list frames;
  bytes_ = 0;
  for (const auto id : identities)
    frames.push_back(zmq::message_t(id.data(), id.size()));
  append(frames, m);
  return frames;
}

frame_list composer::broadcast(const outgoing_message& m) {
  frame_list frames;
  bytes_ = 0;
  const std::string topic = fmt::format("kernel.{}.{}", session_, m.type);
  frames.push_back(zmq::message_t(topic.data(), topic.size()));
  append(frames, m);
  return frames;
}

}  // namespace kmux::child
