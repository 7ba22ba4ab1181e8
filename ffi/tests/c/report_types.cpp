/* Types of which only the name is known: those that are declared and nothing more, and pointers that are none.
 * check: with=report_types_part.cpp without=valgrind (slow, and nothing new there) */
#include <cstdio>
#include <memory>
#include <vector>

#include "report.h"
#include "report_types.h"

struct Handle {
    int number = -1;
    Handle() = default;
    Handle(std::nullptr_t) {}
    explicit operator bool() const { return number >= 0; }
    friend bool operator==(Handle a, Handle b) { return a.number == b.number; }
    friend bool operator!=(Handle a, Handle b) { return a.number != b.number; }
};
struct Close {
    using pointer = Handle;
    void operator()(Handle) const {}
};

struct Shop {
    Owned hidden = make();
    std::shared_ptr<Secret> shared{make()};
    const Secret *plain = hidden.get();
};
STILLFRAME_STRUCT(shop, Shop, STILLFRAME_FIELD(Shop, hidden), STILLFRAME_FIELD(Shop, shared), STILLFRAME_FIELD(Shop, plain));

static void reports_part(const Owned &owned) {
    STILLFRAME_FRAME();
    Shop shop;
    Owned none;
    std::vector<Owned> several(3);
    std::unique_ptr<int, Close> handle;
    std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(nullptr, std::fclose);
    std::shared_ptr<void> anything = shop.shared;
    STILLFRAME_VAR(owned);
    STILLFRAME_VAR(shop);
    STILLFRAME_VAR(none);
    STILLFRAME_VAR(several);
    STILLFRAME_VAR(handle);
    STILLFRAME_VAR(file);
    STILLFRAME_VAR(anything);
    CHECK(stillframe_report("Part", "no") == STILLFRAME_OK);
    CHECK_SHOWS("\"owned\":{\"type\":\"std::unique_ptr<Secret, Free>\"");
    CHECK_SHOWS("\"hidden\":{\"type\":\"std::unique_ptr<Secret, Free>\"");
    CHECK_SHOWS("\"none\":{\"type\":\"std::unique_ptr<Secret, Free>\",\"isNull\":true}");
    CHECK_SHOWS("\"handle\":{\"type\":\"std::unique_ptr<int, Close>\"");
    CHECK_SHOWS("\"file\":{\"type\":\"std::unique_ptr<");
    CHECK_SHOWS("\"anything\":{\"type\":\"std::shared_ptr<void>\"");
}

int main() {
    report_start();
    Owned owned = make();
    reports_part(owned);
    reports_whole(owned);
    CHECK_SHOWS("\"owned\":{\"type\":\"std::unique_ptr<Secret, Free>\"");
    CHECK_SHOWS("\"several\":{\"type\":\"Secret\"");
    report_stop();
    return 0;
}
