/* The data of the crossing bench, always the same: what a program holds when it fails. A value is a leaf; containers are not counted.
 *
 *     A  100 objects of 5 integers and 3 texts of 12 bytes            800 values
 *     B  8 frames of 10 plain variables                                80 values
 *     C  8 frames of 10 variables, 3 of which are containers          256 values
 */
#ifndef CROSSING_SETS_H
#define CROSSING_SETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORDERS = 100, FRAMES = 8, PRICES = 10, RATES = 5 };

typedef struct text {
    const char *bytes;
    size_t count;
} text;

typedef struct order {
    int64_t id, quantity, weight, stock, placed_at;
    text sku, title, warehouse;
} order;

typedef struct rate {
    text currency;
    double factor;
} rate;

typedef struct customer {
    int64_t id;
    text name, city;
    bool active;
    double balance;
} customer;

typedef struct frame {
    text function, file;
    uint32_t line;
    int64_t order_id, attempt, offset, deadline;
    text currency, method, label;
    double total, discount;
    bool retry;
    int64_t prices[PRICES];
    rate rates[RATES];
    customer buyer;
} frame;

typedef struct sets {
    order orders[ORDERS];
    frame frames[FRAMES];
} sets;

#endif
