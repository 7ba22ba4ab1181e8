// A program in C++ that fails: an exception passes through several functions and is reported where it is caught, with the variables of
// all of them. That needs the object that intercepts throws:
//
//     c++ -std=c++17 -g -O1 cpp_program.cpp $(pkg-config --cflags --libs stillframe-throw stillframe) -o cpp_program && ./cpp_program
//
// check: with=../throw/stillframe_throw.c
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "stillframe_report.h"

namespace shop {

struct Item {
    int sku;
    std::string name;
    double price;
};

class Cart {
  public:
    Cart(std::string customer, std::vector<Item> items) : customer(std::move(customer)), items(std::move(items)) {}
    double total(const std::string &currency) const;

  private:
    friend struct stillframe::described<Cart>;
    std::string customer;
    std::vector<Item> items;
    std::optional<std::string> coupon;
};

struct NoRate : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace shop

STILLFRAME_STRUCT(item, shop::Item, STILLFRAME_FIELD(shop::Item, sku), STILLFRAME_FIELD(shop::Item, name),
                  STILLFRAME_FIELD(shop::Item, price));
STILLFRAME_STRUCT(cart, shop::Cart, STILLFRAME_FIELD(shop::Cart, customer), STILLFRAME_FIELD(shop::Cart, items),
                  STILLFRAME_FIELD(shop::Cart, coupon));

namespace shop {

static double rate_of(const std::string &currency, int day) {
    STILLFRAME_FRAME();
    STILLFRAME_VAR(currency);
    STILLFRAME_VAR(day);
    std::vector<std::string> known = {"USD", "GBP"};
    STILLFRAME_VAR(known);
    for (const std::string &name : known) {
        if (name == currency) {
            return 1.1;
        }
    }
    throw NoRate("no rate for " + currency);
}

double Cart::total(const std::string &currency) const {
    STILLFRAME_FRAME();
    const Cart *self = this;
    STILLFRAME_VAR(self);
    double sum = 0;
    STILLFRAME_VAR(sum);
    for (const Item &item : items) {
        STILLFRAME_VAR(item);
        sum += item.price * rate_of(currency, 325);
    }
    return sum;
}

} // namespace shop

static bool checkout(const shop::Cart &cart, const std::string &session_token) {
    STILLFRAME_FRAME();
    STILLFRAME_VAR(session_token);
    try {
        std::printf("total: %.2f\n", cart.total("EUR"));
        return true;
    } catch (const std::exception &exception) {
        STILLFRAME_REPORT_CURRENT();
        std::printf("checkout failed: %s\n", exception.what());
        return false;
    }
}

int main() {
    stillframe_config config;
    stillframe_config_init(&config, sizeof config);
    config.service = stillframe_text_of("shop");
    if (stillframe_start(&config, nullptr, nullptr) != STILLFRAME_OK) {
        std::fprintf(stderr, "no exception replay\n");
    }
    auto cart = std::make_unique<shop::Cart>("Grace", std::vector<shop::Item>{{3, "pencil", 0.25}, {7, "telescope", 240.0}});
    bool done = checkout(*cart, "0d1c9f2e77aa");
    stillframe_stop(2000, nullptr);
    return done ? 1 : 0;
}
