/* A program that fails, and tells Stillframe with the values of one function. Ends with 3, as it does without. */
#include <stillframe.h>
#include <stillframe_tape.h>

#include <stdio.h>
#include <string.h>

static const stillframe_engine *engine;

static stillframe_text text(const char *words)
{
    stillframe_text view;
    view.ptr = words;
    view.len = strlen(words);
    return view;
}

static void local_name(stillframe_tape *tape, const char *name)
{
    stillframe_tape_name(tape, name, strlen(name));
}

static void local_text(stillframe_tape *tape, const char *name, const char *value)
{
    stillframe_text rule;
    local_name(tape, name);
    if (stillframe_name_is_redacted(engine, text(name), STILLFRAME_KIND_OTHER, &rule, NULL) == STILLFRAME_REDACTED) {
        stillframe_tape_redacted(tape, STILLFRAME_REASON_REDACTED_IDENT, 0, rule.ptr, rule.len);
    } else {
        stillframe_tape_string(tape, value);
    }
}

static int pay(int number, const char *currency, long total)
{
    static unsigned char memory[16384];
    const char *password = "correct horse", *note = "card 4111 1111 1111 1111";
    stillframe_tape_location here = {0, 0, 0, 0};
    stillframe_site site = STILLFRAME_INIT(stillframe_site);
    stillframe_permit permit = STILLFRAME_INIT(stillframe_permit);
    stillframe_capture capture = STILLFRAME_INIT(stillframe_capture);
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_tape tape;
    here.line = __LINE__;
    site.type_name = text("payment_failed");
    site.function = text("pay");
    site.line = here.line;
    if (stillframe_capture_admit(engine, &site, &permit, &error) == STILLFRAME_OK) {
        stillframe_tape_begin(&tape, memory, sizeof memory, STILLFRAME_LANGUAGE_NATIVE, NULL);
        stillframe_tape_exception(&tape, stillframe_tape_define_type(&tape, STILLFRAME_LITERAL("payment_failed")), STILLFRAME_LINK_ROOT, 0,
                                  false);
        stillframe_tape_end_group(&tape);
        stillframe_tape_section(&tape, STILLFRAME_SECTION_MESSAGE);
        stillframe_tape_string(&tape, "the bank sent no receipt");
        stillframe_tape_section(&tape, STILLFRAME_SECTION_FRAMES);
        stillframe_tape_frame(&tape, STILLFRAME_FRAME_IN_APP, &here, STILLFRAME_LITERAL("pay"), STILLFRAME_LITERAL("shop"), __FILE__,
                              strlen(__FILE__));
        stillframe_tape_end_group(&tape);
        stillframe_tape_section(&tape, STILLFRAME_SECTION_ARGUMENTS);
        local_name(&tape, "number");
        stillframe_tape_int(&tape, number);
        local_text(&tape, "currency", currency);
        local_name(&tape, "total");
        stillframe_tape_int(&tape, total);
        stillframe_tape_section(&tape, STILLFRAME_SECTION_LOCALS);
        local_text(&tape, "password", password);
        local_text(&tape, "note", note);
        stillframe_tape_end_group(&tape);
        capture.tape = memory;
        capture.tape_len = stillframe_tape_finish(&tape, STILLFRAME_REASON_NONE, 0);
        if (stillframe_capture_submit(engine, &permit, &capture, &error) < 0) {
            fprintf(stderr, "stillframe: %s\n", error.message);
        }
    }
    return -1;
}

int main(void)
{
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_config config;
    if (stillframe_abi_version() >> 16 != STILLFRAME_ABI_VERSION >> 16) {
        return 1;
    }
    stillframe_config_init(&config, sizeof config);
    config.service = text("shop");
    if (stillframe_engine_new(&config, NULL, &engine, &error) != STILLFRAME_OK) {
        fprintf(stderr, "stillframe: %s\n", error.message);
        return 1;
    }
    if (pay(17, "EUR", 4250) != 0) {
        printf("order 17 cannot be paid\n");
        stillframe_engine_free(engine, 60000, NULL);
        return 3;
    }
    return 0;
}
