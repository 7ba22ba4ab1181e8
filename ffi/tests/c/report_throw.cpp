// Exceptions that are reported where they are caught, with the variables of the frames that they unwound. check: with=../../throw/stillframe_throw.c without=tsan
// ThreadSanitizer remembers each of the hundred thousand throws, until no memory is left.
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "report.h"

namespace {

struct Part {
    int number;
    std::string name;
};

class Machine {
  public:
    Machine() : label("press"), parts{{1, "wheel"}, {2, "belt"}}, spare(std::make_unique<Part>(Part{9, "lamp"})) {}

  private:
    friend struct stillframe::described<Machine>;
    std::string label;
    std::vector<Part> parts;
    std::unique_ptr<Part> spare;
    std::shared_ptr<Part> missing;
    std::optional<int> speed = 5;
    std::optional<std::string> note;
};

struct Odd {
    const char *what() const {
        return "odd";
    }
};

struct Nasty : std::exception {
    const char *what() const noexcept override {
        return nullptr;
    }
};

/* Far from where they are used: source lines are shown as well. */
const char token[] = "ghp_0123456789abcdefghijABCDEFGHIJ123456", token_begins[] = "ghp_0";

} // namespace

STILLFRAME_STRUCT(part, Part, STILLFRAME_FIELD(Part, number), STILLFRAME_FIELD(Part, name));
STILLFRAME_STRUCT(machine, Machine, STILLFRAME_FIELD(Machine, label), STILLFRAME_FIELD(Machine, parts), STILLFRAME_FIELD(Machine, spare),
                  STILLFRAME_FIELD(Machine, missing), STILLFRAME_FIELD(Machine, speed), STILLFRAME_FIELD(Machine, note));

template <typename Exception> __attribute__((noinline)) static void fail(int number, const Exception &exception) {
    STILLFRAME_FRAME();
    STILLFRAME_VAR(number);
    throw exception;
}

template <typename Exception> __attribute__((noinline)) static void between(const std::string &text, const Exception &exception) {
    STILLFRAME_FRAME();
    STILLFRAME_VAR(text);
    Machine machine;
    STILLFRAME_VAR(machine);
    const Machine *same = &machine;
    STILLFRAME_VAR(same);
    fail(41, exception);
}

template <typename Exception> static bool reported(const Exception &exception) {
    try {
        between("a text that is longer than a short one", exception);
    } catch (...) {
        return STILLFRAME_REPORT_CURRENT() == STILLFRAME_OK;
    }
    return false;
}

static void kinds() {
    CHECK(reported(std::runtime_error("out of oil")));
    CHECK_SHOWS("\"type\":\"std::runtime_error\",\"module\":\"std\",\"message\":{\"type\":\"char*\",\"value\":\"out of oil\"}");
    CHECK_SHOWS("\"number\":{\"type\":\"int\",\"value\":41}");
    CHECK_SHOWS("\"value\":\"a text that is longer than a short one\"");
    CHECK_SHOWS("\"label\":{\"type\":\"std::string\",\"value\":\"press\"}");
    CHECK_SHOWS("\"name\":{\"type\":\"std::string\",\"value\":\"belt\"}");
    CHECK_SHOWS("\"value\":\"lamp\"");
    CHECK_SHOWS("\"speed\":{\"type\":\"std::optional<int>\",\"value\":5}");
    CHECK_SHOWS("\"note\":{\"type\":\"std::optional<");
    CHECK_SHOWS("\"same\":{\"ref\":");
    CHECK(reported(42));
    CHECK_SHOWS("\"type\":\"int\",\"message\":{\"type\":\"char*\",\"value\":\"42\"}");
    CHECK(reported("just text"));
    CHECK_SHOWS("\"value\":\"just text\"");
    CHECK(reported(std::string("a string")));
    CHECK_SHOWS("\"value\":\"a string\"");
    CHECK(reported(Odd()));
    CHECK_SHOWS("Odd");
    CHECK(reported(Nasty()));
    CHECK_SHOWS("Nasty");
    CHECK_SHOWS("\"number\":{\"type\":\"int\",\"value\":41}");
}

static void nothing_to_report() {
    CHECK(STILLFRAME_REPORT_CURRENT() == STILLFRAME_NONE);
}

// Thrown in one thread, rethrown and reported in another.
static void between_threads() {
    auto result = std::async(std::launch::async, [] { between("another thread", std::logic_error("moved")); });
    try {
        result.get();
        CHECK(false);
    } catch (const std::logic_error &) {
        CHECK(STILLFRAME_REPORT_CURRENT() == STILLFRAME_OK);
    }
    CHECK_SHOWS("\"value\":\"moved\"");
    CHECK_SHOWS("\"value\":\"another thread\"");
    CHECK_SHOWS("\"number\":{\"type\":\"int\",\"value\":41}");
}

static void nested() {
    try {
        between("outer", std::runtime_error("outer error"));
    } catch (const std::runtime_error &) {
        try {
            fail(7, std::logic_error("inner error"));
        } catch (...) {
            CHECK(STILLFRAME_REPORT_CURRENT() == STILLFRAME_OK);
        }
        CHECK_SHOWS("inner error");
        CHECK_SHOWS("\"number\":{\"type\":\"int\",\"value\":7}");
        CHECK(STILLFRAME_REPORT_CURRENT() == STILLFRAME_OK);
    }
    CHECK_SHOWS("outer error");
    CHECK_SHOWS("\"value\":\"outer\"");
}

static void thrown_and_forgotten() {
    unsigned before = report_count();
    for (int i = 0; i < 100000; i++) {
        try {
            fail(i, i);
        } catch (int) {
        }
    }
    CHECK(stillframe_flush(60000, nullptr) == STILLFRAME_OK && report_count() == before);
}

static void many_threads() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; i++) {
        threads.emplace_back([] {
            for (int turn = 0; turn < 200; turn++) {
                try {
                    fail(turn, std::runtime_error("thread"));
                } catch (const std::exception &) {
                    if (turn % 50 == 0) {
                        STILLFRAME_REPORT_CURRENT();
                    }
                }
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
}

// An object that is not thrown may lie where one lay that was: what was captured of that one is not its, whatever its type.
template <int number> struct Of {
    int value = number;
};

template <int thrown, int made_of> static void made_and_not_thrown(const char *type) {
    int same = 0;
    for (int turn = 0; turn < 50 && same == 0; turn++) {
        const void *before = nullptr;
        try {
            fail(123456, Of<thrown>());
        } catch (...) {
            before = stillframe::detail::object_of(std::current_exception());
        }
        std::exception_ptr made = std::make_exception_ptr(Of<made_of>());
        same += stillframe::detail::object_of(made) == before ? 1 : 0;
        try {
            std::rethrow_exception(made);
        } catch (...) {
            CHECK(STILLFRAME_REPORT_CURRENT() == STILLFRAME_OK);
        }
        CHECK_SHOWS(type);
        CHECK_HIDES("\"value\":123456");
    }
    // What it is about; an allocator that looks for mistakes takes care not to do it.
    if (std::getenv("ASAN_OPTIONS") == nullptr) {
        CHECK(same > 0);
    }
}

/* A message is looked at beyond the cut, whether its exception was captured where it was thrown or is now. */
static void long_messages() {
    usleep(1100000); // a second has twenty captures of throws
    for (std::size_t at : {985, 1000, 1015}) { // a site's first three are captured where they are thrown
        const std::string text = std::string(at, '.') + token + std::string(3000, '.');
        CHECK(reported(std::length_error(text)));
        CHECK_SHOWS("\"number\":{\"type\":\"int\",\"value\":41}");
        CHECK_HIDES(token_begins);
        CHECK(reported(text));
        CHECK_HIDES(token_begins);
        CHECK(reported(text.c_str()));
        CHECK_HIDES(token_begins);
    }
    CHECK(reported(std::overflow_error(std::string(70000, '.'))));
    CHECK_SHOWS("\"size\":70000");
}

int main() {
    report_start();
    made_and_not_thrown<1, 2>("Of<2>");
    made_and_not_thrown<3, 3>("Of<3>");
    kinds();
    nothing_to_report();
    between_threads();
    nested();
    thrown_and_forgotten();
    many_threads();
    long_messages();
    report_stop();
    // Without an engine an exception is an exception.
    CHECK(!reported(std::runtime_error("stopped")));
}
