#include "proc/child/recorder.hpp"

#include <chrono>
#include <fcntl.h>

#include "protocol/message_number.hpp"
#include "protocol/wire.hpp"

namespace kmux::child {

namespace {

/// How many frames stand before the signature.
std::size_t find_delimiter(const frame_list& frames) {
  std::size_t i = 0;
  while (i < frames.size() && frames.view(i) != wire_delimiter)
    ++i;
  return i;
}

zmq::message_t frame_of(std::string_view bytes) {
  return zmq::message_t(bytes.data(), bytes.size());
}

/// The frames with one more before the delimiter.
frame_list with_number(frame_list&& frames, std::size_t delimiter, std::string_view number) {
  frame_list out;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (i == delimiter) out.push_back(frame_of(number));
    out.push_back(std::move(frames[i]));
  }
  return out;
}

journal::writer::settings settings_of(const journal_info& info) {
  journal::writer::settings s;
  s.directory = info.directory;
  s.most_bytes = info.most_bytes;
  s.most_age = std::chrono::seconds(info.most_age);
  s.after = info.after;
  s.sync = std::chrono::milliseconds(info.sync);
  return s;
}

std::string described(const std::string& why) {
  if (why.empty()) return "kmux: the journal is written again.\n";
  return "kmux: the journal is not written: " + why +
         ". The kernel goes on; what it says meanwhile reaches those who are connected, and cannot "
         "be read later.\n";
}

}  // namespace

recorder::recorder(const std::optional<journal_info>& info) {
  if (!info) return;
  code_ = info->code;
  log_ = unique_fd(::fcntl(2, F_DUPFD_CLOEXEC, 3));
  journal_.emplace(settings_of(*info), [this](const std::string& why) {
    const std::string text = described(why);
    [[maybe_unused]] const auto n = ::write(log_.get(), text.data(), text.size());
  });
}

void recorder::record(channel where, frame_list& frames) {
  if (!journal_) return;
  const std::size_t delimiter = find_delimiter(frames);
  std::vector<std::string_view> kept;
  kept.reserve(frames.size());
  for (std::size_t i = delimiter + 2; i < frames.size(); ++i)
    kept.push_back(frames.view(i));
  if (kept.size() < 4) return;  // no message; a relay's kernel may say anything
  const bool to_strangers =
      where != channel::iopub && (delimiter == 0 || !frames.view(0).starts_with(daemon_identity));
  message_number said;
  {
    const std::lock_guard lock(mutex_);
    // Of no concern to any client of kmuxd's, which would look for a number that it never sees.
    if (to_strangers) return journal_->note(journal::kind::reply, std::move(kept));
    said.number = journal_->append(journal::kind_of(where), std::move(kept));
    said.kept = !journal_->failing();
  }
  if (where == channel::iopub && delimiter > 0) {
    frames[delimiter - 1] = frame_of(numbered(frames.view(delimiter - 1), said));
  } else {
    frames = with_number(std::move(frames), delimiter, numbered("", said));
  }
}

void recorder::note(const header& head, const message_view& asked) {
  if (!journal_ || head.msg_type != "execute_request") return;
  const std::lock_guard lock(mutex_);
  journal_->note(journal::kind::request,
                 {asked.header, asked.parent_header, asked.metadata, code_ ? asked.content : "{}"});
  journal_->flush();  // it may be what ends the process
}

bool recorder::flush() {
  if (!journal_) return true;
  const std::lock_guard lock(mutex_);
  journal_->flush();
  return !journal_->failing();
}

void recorder::mark_not_kept(frame_list& frames) {
  const std::size_t delimiter = find_delimiter(frames);
  if (delimiter == 0 || delimiter == frames.size()) return;
  const auto text = frames.view(delimiter - 1);
  if (number_of({&text, 1}).number == 0) return;  // a stranger's routing id
  frames[delimiter - 1] = frame_of(as_not_kept(text));
}

}  // namespace kmux::child
