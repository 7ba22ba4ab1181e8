/*
 * A program in C that fails: a shop's order processing. Its errors are stored with the values of their variables; read them with
 * `stillframe list` and `stillframe show`.
 *
 *     cc -g -O1 c_program.c $(pkg-config --cflags --libs stillframe) -o c_program && ./c_program
 *
 * check: std=c11
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stillframe_report.h"

struct item {
    int sku;
    char name[24];
    int quantity;
    double price;
};

struct order {
    int id;
    const char *customer;
    const char *card_number;
    struct item *items;
    size_t item_count;
    struct order *next;
};

STILLFRAME_STRUCT(item, struct item, STILLFRAME_FIELD(struct item, sku), STILLFRAME_FIELD(struct item, name),
                  STILLFRAME_FIELD(struct item, quantity), STILLFRAME_FIELD(struct item, price));
STILLFRAME_STRUCT(order, struct order, STILLFRAME_FIELD(struct order, id), STILLFRAME_FIELD(struct order, customer),
                  STILLFRAME_FIELD(struct order, card_number), STILLFRAME_FIELD_OBJECTS(struct order, items, item_count, item),
                  STILLFRAME_FIELD_OBJECT_AT(struct order, next, order));

static int stock_of(int sku) {
    return sku == 7 ? 2 : 100;
}

/* The money of one line of an order; less than 0: it cannot be had. */
static double price_of(const struct order *order, const struct item *item) {
    STILLFRAME_FRAME();
    STILLFRAME_OBJECT_AT(order, order);
    STILLFRAME_OBJECT_AT(item, item);
    int stock = stock_of(item->sku);
    STILLFRAME_VAR(stock);
    int missing = item->quantity - stock;
    STILLFRAME_VAR(missing);
    if (missing > 0) {
        stillframe_report("OutOfStock", "item %d of order %d: %d are missing", item->sku, order->id, missing);
        return -1;
    }
    return item->quantity * item->price;
}

static int process(const struct order *order, double *total) {
    STILLFRAME_FRAME();
    STILLFRAME_OBJECT_AT(order, order);
    double sum = 0;
    STILLFRAME_VAR(sum);
    for (size_t index = 0; index < order->item_count; index++) {
        STILLFRAME_VAR(index);
        double price = price_of(order, &order->items[index]);
        if (price < 0) {
            return -1;
        }
        sum += price;
    }
    *total = sum;
    return 0;
}

int main(void) {
    stillframe_config config;
    stillframe_error error = STILLFRAME_INIT(stillframe_error);
    stillframe_config_init(&config, sizeof config);
    config.service = stillframe_text_of("orders");
    if (stillframe_start(&config, NULL, &error) != STILLFRAME_OK) {
        fprintf(stderr, "no exception replay: %s\n", error.message);
    }

    STILLFRAME_FRAME();
    struct item few[] = {{3, "pencil", 10, 0.25}, {7, "telescope", 3, 240.0}};
    struct order second = {1002, "Grace", "4111 1111 1111 1111", few, 2, NULL};
    struct item many[] = {{3, "pencil", 10, 0.25}};
    struct order first = {1001, "Ada", NULL, many, 1, &second};
    int failed = 0;
    STILLFRAME_VAR(failed);
    for (const struct order *order = &first; order != NULL; order = order->next) {
        double total = 0;
        if (process(order, &total) == 0) {
            printf("order %d: %.2f\n", order->id, total);
        } else {
            printf("order %d failed\n", order->id);
            failed++;
        }
    }
    stillframe_stop(2000, NULL);
    return failed == 1 ? 0 : 1;
}
