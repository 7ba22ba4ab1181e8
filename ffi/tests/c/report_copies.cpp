/* Copies of a text that a name hides, where C++ keeps texts. check: without=valgrind (a capture has a second, too little there) */
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "report.h"

static const char secret[] = "hunter2-xyzzy and more than a string keeps in itself";

static void nothing_is_shown_of_it() {
    CHECK_HIDES("hunter2-xyzzy");
    CHECK_SHOWS("cannot sign in with [redacted], sorry");
    CHECK_SHOWS("\"notCapturedReason\":\"redactedIdent\"");
}

/* Far from that, as the lines around it are in the snapshot. */
template <typename Password> static void fails(const Password &password) {
    STILLFRAME_FRAME();
    STILLFRAME_VAR(password);
    std::string copy = secret;
    std::vector<std::string> several = {"another", copy};
    STILLFRAME_VAR(copy);
    STILLFRAME_VAR(several);
    /* Again, if the machine stood still for all of a capture's time. */
    for (int turn = 0; turn < 10 && (turn == 0 || strstr(report_last(), "\"copy\"") == NULL); turn++) {
        try {
            throw std::runtime_error("cannot sign in with " + copy + ", sorry");
        } catch (const std::exception &) {
            CHECK(STILLFRAME_REPORT_CURRENT() == STILLFRAME_OK);
        }
    }
    nothing_is_shown_of_it();
}

int main() {
    report_start();
    std::string text = secret;
    fails(text);
    fails(std::string_view(text));
    fails(&text);
    fails(text.c_str());
    fails(std::make_unique<std::string>(secret));
    fails(std::optional<std::string>(secret));
    fails(secret);
    report_stop();
    return 0;
}
