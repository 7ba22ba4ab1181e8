/*
 * The same as C++17, and that its functions have C's names there.
 */
#include "stillframe.h"
#include "stillframe.h"

#include <memory>
#include <type_traits>

static_assert(std::is_standard_layout<stillframe_config>::value && std::is_trivially_copyable<stillframe_capture>::value, "plain structs");

struct free_engine {
    void operator()(const stillframe_engine *engine) const { stillframe_engine_free(engine, 1000, nullptr); }
};

int main() {
    auto site = STILLFRAME_INIT(stillframe_site);
    auto permit = STILLFRAME_INIT(stillframe_permit);
    const stillframe_engine *made = nullptr;
    if (stillframe_engine_new(nullptr, nullptr, &made, nullptr) != STILLFRAME_OK) {
        return 1;
    }
    const std::unique_ptr<const stillframe_engine, free_engine> engine(made);
    site.type_name = stillframe_text_of("std::out_of_range");
    if (stillframe_capture_admit(engine.get(), &site, &permit, nullptr) != STILLFRAME_OK) {
        return 2;
    }
    return stillframe_capture_cancel(engine.get(), &permit, nullptr) == STILLFRAME_OK ? 0 : 3;
}
