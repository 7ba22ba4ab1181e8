// A program that fails by an exception, and reports it where it is caught, with the variables of the functions that it has left. Ends with 3, as
// it does without.
#include <stillframe_report.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

struct payment_failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

static void pay(const std::string &currency, const std::vector<long> &totals)
{
    STILLFRAME_FRAME();
    STILLFRAME_VAR(currency);
    STILLFRAME_VAR(totals);
    const long total = totals.back();
    const std::string password = "correct horse", note = "card 4111 1111 1111 1111";
    STILLFRAME_VAR(total);
    STILLFRAME_VAR(password);
    STILLFRAME_VAR(note);
    throw payment_failed("the bank sent no receipt");
}

int main()
{
    stillframe_config config;
    stillframe_config_init(&config, sizeof config);
    config.service = stillframe_text_of("shop");
    if (stillframe_start(&config, nullptr, nullptr) != STILLFRAME_OK) {
        return 1;
    }
    try {
        pay("EUR", {1999, 2251, 4250});
        return 0;
    } catch (const payment_failed &) {
        STILLFRAME_REPORT_CURRENT();
        std::puts("order 17 cannot be paid");
        stillframe_stop(60000, nullptr);
        return 3;
    }
}
