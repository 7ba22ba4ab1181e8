// A program that fails by an exception, and tells Stillframe with the values of one function. Ends with 3, as it does without.
#include <stillframe.h>
#include <stillframe_tape.h>
#include <stillframe_walk.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct engine_free {
    void operator()(const stillframe_engine *engine) const { stillframe_engine_free(engine, 2000, nullptr); }
};
using engine_ptr = std::unique_ptr<const stillframe_engine, engine_free>;

stillframe_text view(const std::string &text) { return {text.data(), text.size()}; }

struct payment_failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void name(stillframe_tape &tape, const char *name) { stillframe_tape_name(&tape, name, std::strlen(name)); }

void tell(const stillframe_engine *engine, const payment_failed &failure, const std::string &currency, const std::vector<long> &totals)
{
    auto site = STILLFRAME_INIT(stillframe_site);
    auto permit = STILLFRAME_INIT(stillframe_permit);
    auto capture = STILLFRAME_INIT(stillframe_capture);
    auto error = STILLFRAME_INIT(stillframe_error);
    const std::string type = "payment_failed", note = "card 4111 1111 1111 1111";
    site.type_name = view(type);
    if (stillframe_capture_admit(engine, &site, &permit, &error) != STILLFRAME_OK) {
        return;
    }
    std::vector<unsigned char> memory(permit.limits.tape_bytes + STILLFRAME_TAPE_RESERVE);
    std::vector<stillframe_walk_entry> entries(64);
    stillframe_tape tape;
    stillframe_walk walk;
    enum what { EXCEPTION, FRAME, TOTALS };
    stillframe_tape_begin(&tape, memory.data(), memory.size(), STILLFRAME_LANGUAGE_NATIVE, nullptr);
    stillframe_walk_begin(&walk, &tape, entries.data(), entries.size());
    stillframe_walk_exception(&walk, &failure, EXCEPTION, stillframe_tape_define_type(&tape, type.data(), type.size()), STILLFRAME_LINK_ROOT, 0,
                              false);
    while (const stillframe_walk_entry *entry = stillframe_walk_next(&walk)) {
        switch (entry->kind) {
        case EXCEPTION: {
            const stillframe_tape_location here = {__LINE__, 0, 0, 0};
            stillframe_tape_section(&tape, STILLFRAME_SECTION_MESSAGE);
            stillframe_tape_string(&tape, failure.what());
            stillframe_tape_section(&tape, STILLFRAME_SECTION_FRAMES);
            stillframe_walk_frame(&walk, entry, FRAME, STILLFRAME_FRAME_IN_APP, &here, STILLFRAME_LITERAL("pay"), STILLFRAME_LITERAL("shop"),
                                  __FILE__, std::strlen(__FILE__));
            break;
        }
        case FRAME:
            stillframe_tape_section(&tape, STILLFRAME_SECTION_LOCALS);
            name(tape, "currency");
            stillframe_tape_utf8(&tape, currency.data(), currency.size());
            name(tape, "total");
            stillframe_tape_int(&tape, totals.back());
            name(tape, "totals");
            stillframe_walk_list(&walk, &totals, TOTALS, 0, totals.size());
            name(tape, "note");
            stillframe_tape_utf8(&tape, note.data(), note.size());
            break;
        case TOTALS:
            for (long total : totals) {
                stillframe_tape_int(&tape, total);
            }
            break;
        }
    }
    capture.tape = memory.data();
    capture.tape_len = stillframe_tape_finish(&tape, STILLFRAME_REASON_NONE, 0);
    if (stillframe_capture_submit(engine, &permit, &capture, &error) < 0) {
        std::fprintf(stderr, "stillframe: %s\n", error.message);
    }
}

} // namespace

int main()
{
    auto error = STILLFRAME_INIT(stillframe_error);
    const std::string service = "shop";
    const std::vector<long> totals = {1999, 2251, 4250};
    const stillframe_engine *made = nullptr;
    stillframe_config config;
    stillframe_config_init(&config, sizeof config);
    config.service = view(service);
    if (stillframe_engine_new(&config, nullptr, &made, &error) != STILLFRAME_OK) {
        std::fprintf(stderr, "stillframe: %s\n", error.message);
        return 1;
    }
    const engine_ptr engine(made);
    try {
        throw payment_failed("the bank sent no receipt");
    } catch (const payment_failed &failure) {
        tell(engine.get(), failure, "EUR", totals);
        std::puts("order 17 cannot be paid");
        return 3;
    }
}
