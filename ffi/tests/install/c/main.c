/* A program that fails, and reports that with the variables of its functions. Ends with 3, as it does without. */
#include <stillframe_report.h>

#include <stdio.h>

struct order {
    int number;
    const char *customer;
    const char *password;
    long total;
};

STILLFRAME_STRUCT(order, struct order, STILLFRAME_FIELD(struct order, number), STILLFRAME_FIELD(struct order, customer),
                  STILLFRAME_FIELD(struct order, password), STILLFRAME_FIELD(struct order, total));

static int pay(const struct order *order, const char *currency)
{
    const char *note = "card 4111 1111 1111 1111";
    long total = order->total;
    STILLFRAME_FRAME();
    STILLFRAME_OBJECT_AT(order, order);
    STILLFRAME_VAR(currency);
    STILLFRAME_VAR(note);
    STILLFRAME_VAR(total);
    stillframe_report("payment_failed", "order %d: the bank sent no receipt", order->number);
    return -1;
}

int main(void)
{
    const struct order order = {17, "Ada", "correct horse", 4250};
    stillframe_config config;
    stillframe_config_init(&config, sizeof config);
    config.service = stillframe_text_of("shop");
    if (stillframe_start(&config, NULL, NULL) != STILLFRAME_OK) {
        return 1;
    }
    if (pay(&order, "EUR") != 0) {
        printf("order 17 cannot be paid\n");
        stillframe_stop(60000, NULL);
        return 3;
    }
    return 0;
}
