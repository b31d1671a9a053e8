// A journal after a crash at any byte, and with any byte changed.
#include "tests/proc/journal/journal_fixture.hpp"

namespace kmux::journal {
namespace {

using strings = std::vector<std::string>;

class damaged_journal : public journal_fixture {
protected:
  damaged_journal() {
    auto out = open();
    for (const char* const each : {"one", "two", "three", "four", "five"})
      say(out, each);
    out.flush();
    file_ = files().at(0);
    whole_ = bytes_of(file_);
    const strings all = read();
    EXPECT_EQ(all.size(), 5U);
    all_ = all;
    record_ = 0;
    // Where each record ends.
    for (std::string_view rest = std::string_view(whole_).substr(segment_head); !rest.empty();) {
      record r;
      std::size_t size = 0;
      EXPECT_EQ(decode_record(rest, r, size), decoded::whole);
      rest.remove_prefix(size);
      ends_.push_back(whole_.size() - rest.size());
    }
  }

  std::string file_, whole_;
  strings all_;
  std::vector<std::size_t> ends_;
  std::size_t record_;
};

TEST_F(damaged_journal, that_ends_at_any_byte_has_all_records_that_are_whole_and_goes_on) {
  for (std::size_t length = 0; length < whole_.size(); ++length) {
    put_bytes(file_, whole_.substr(0, length));
    const auto left = static_cast<std::size_t>(
        std::count_if(ends_.begin(), ends_.end(), [&](std::size_t end) { return end <= length; }));
    strings expected(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(left));
    ASSERT_EQ(read(), expected) << length;
    {
      auto out = open();
      const auto number = say(out, "next");
      ASSERT_EQ(number, left + 1) << length;
      out.flush();
      expected.push_back(std::to_string(number) + ":next");
      ASSERT_EQ(read(), expected) << length;
    }
    for (const auto& each : files()) {
      if (each != file_) std::filesystem::remove(each);
    }
  }
}

TEST_F(damaged_journal, with_any_bit_changed_loses_that_record_alone) {
  for (std::size_t at = 0; at < whole_.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string bytes = whole_;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      put_bytes(file_, bytes);
      strings expected;
      if (at >= 8) {  // else it is no segment any more; its number says nothing to readers
        for (std::size_t i = 0; i < all_.size(); ++i) {
          const std::size_t begin = i == 0 ? segment_head : ends_[i - 1];
          if (at < begin || at >= ends_[i]) expected.push_back(all_[i]);
        }
      }
      ASSERT_EQ(read(), expected) << at << " bit " << bit;
    }
  }
}

TEST_F(damaged_journal, of_nonsense_ends) {
  std::string nonsense;
  for (int i = 0; i < 50'000; ++i)
    nonsense += whole_.substr(segment_head, 4);
  put_bytes(file_, whole_.substr(0, segment_head) + nonsense);
  EXPECT_EQ(read(), strings{});
  put_bytes(file_, std::string(segment_magic.size(), '\0') + nonsense);
  EXPECT_EQ(read(), strings{});
}

/// What a kernel could do to whoever reads its journal.
class hostile_journal : public journal_fixture {
protected:
  hostile_journal() {
    auto out = open();
    say(out, "one");
    say(out, "two");
    out.flush();
    file_ = files().at(0);
  }
  /// Bytes that are nowhere, and so cost their author nothing.
  static void make_longer(const std::string& file, std::uint64_t bytes) {
    std::filesystem::resize_file(file, std::filesystem::file_size(file) + bytes);
  }
  /// What a record begins with.
  static std::string whole_head() {
    std::string out;
    append_record(out, record{});
    return out;
  }
  int directory() {
    directory_ = open_directory(top_);
    return directory_.get();
  }

  std::string file_;
  unique_fd directory_;
};

TEST_F(hostile_journal, of_nothing_but_length_is_read_for_a_bounded_time) {
  make_longer(file_, std::uint64_t{1} << 40);
  EXPECT_EQ(read(), (strings{"1:one", "2:two"}));
  EXPECT_EQ(last_number(directory(), 64 << 20), 2U);
}

TEST_F(hostile_journal, of_many_lengths_that_are_lies_is_read_for_a_bounded_time) {
  std::string lies = make_segment_head(1);
  const std::uint32_t length = 400 << 20;
  for (int i = 0; i < 10'000; ++i) {
    lies += whole_head().substr(0, 4) + std::string(reinterpret_cast<const char*>(&length), 4) +
            std::string(32, '\0');
  }
  put_bytes(file_, lies);
  make_longer(file_, std::uint64_t{1} << 40);
  EXPECT_EQ(read(), strings{});
  EXPECT_EQ(last_number(directory(), 64 << 20), 0U);
}

TEST_F(hostile_journal, of_many_empty_segments_gives_others_their_turn) {
  for (int i = 1; i <= 200; ++i)
    put_bytes(top_ + "/" + segment_name(1000 + i), "");
  reader from(top_, 0);
  stored_record r;
  int found = 0, pauses = 0;
  while (from.next(r) || from.paused()) {
    from.paused() ? ++pauses : ++found;
    ASSERT_LT(pauses, 100);
  }
  EXPECT_EQ(found, 2);
  EXPECT_GE(pauses, 3);
  EXPECT_EQ(last_number(directory()), 1199U) << "the beginning of the last says that much";
}

TEST_F(hostile_journal, who_must_not_wait_reads_no_more_than_it_will_and_can_go_on) {
  {
    auto out = open(16 << 20);
    say(out, "three");
    say(out, std::string(1 << 20, 'x'));
  }
  reader from(top_, 0);
  from.set_patience(600 << 10);
  stored_record r;
  std::vector<std::uint64_t> numbers;
  while (from.next(r))
    numbers.push_back(r.number);
  EXPECT_TRUE(from.paused());
  EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_FALSE(from.next(r));
  from.set_patience(reader::no_end);
  while (from.next(r))
    numbers.push_back(r.number);
  EXPECT_FALSE(from.paused());
  EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(last_number(directory(), 600 << 10), 3U);
  EXPECT_EQ(last_number(directory()), 4U);
}

TEST_F(hostile_journal, of_more_files_than_any_has_is_listed_in_part) {
  for (int i = 1; i <= 5000; ++i)
    put_bytes(top_ + "/" + segment_name(1000 + i), "");
  EXPECT_LE(list_segments(directory()).size(), 4096U);
}

}  // namespace
}  // namespace kmux::journal
