/*
 * The C++ side of stillframe_report.h, which includes it: types of variables, reports of exceptions. C++17.
 *
 * STILLFRAME_VAR(x) knows numbers, text, pointers, enums, std::string, std::string_view, std::vector, std::array, std::optional,
 * std::unique_ptr, std::shared_ptr and what STILLFRAME_STRUCT describes, in any combination. Of other types it shows the name.
 * What lies inside of them is found when something is captured, by code of the standard library that only looks at the object itself.
 */
#ifndef STILLFRAME_REPORT_HPP
#define STILLFRAME_REPORT_HPP

#if __cplusplus < 201703L
#error "stillframe_report.h needs C++17"
#endif

#include <array>
#include <cxxabi.h>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace stillframe {

/* Specialised by STILLFRAME_STRUCT. A class with private members makes `stillframe::described<Class>` its friend. */
template <typename Type> struct described {
    static constexpr bool is = false;
};

namespace detail {

/* The name of a type, as the compiler writes it. */
template <typename Type> constexpr std::string_view name_of() {
    std::string_view name = __PRETTY_FUNCTION__;
    std::size_t begin = name.find("Type = ") + 7;
    std::size_t end = name.find(';', begin);
    return name.substr(begin, (end == std::string_view::npos ? name.size() - 1 : end) - begin);
}

template <typename Type> struct name {
    static constexpr std::string_view view = name_of<Type>();
    template <std::size_t... index> static constexpr std::array<char, sizeof...(index) + 1> copy(std::index_sequence<index...>) {
        return {{view[index]..., '\0'}};
    }
    static constexpr auto text = copy(std::make_index_sequence<view.size()>());
};
template <> struct name<std::string> {
    static constexpr std::array<char, 12> text = {"std::string"};
};
template <> struct name<std::string_view> {
    static constexpr std::array<char, 17> text = {"std::string_view"};
};

template <typename Type> struct type_of {
    static const stillframe_type value;
};

/* What stillframe_type.view of a container does. */
template <typename Type> struct view {
    static constexpr bool is = false;
};
template <typename Type, typename Item, bool single> struct view_base {
    static constexpr bool is = true;
    static void fill(stillframe_view *view, const Item *items, std::size_t count) {
        view->items = static_cast<const void *>(items);
        view->count = count;
        view->item = &type_of<std::remove_cv_t<Item>>::value;
        view->single = single;
        view->reserved = 0;
    }
};
template <typename Char> struct text_view : view_base<Char, char, false> {
    static void look(const void *object, stillframe_view *view) {
        const Char *text = static_cast<const Char *>(object);
        text_view::fill(view, text->data(), text->size());
    }
};
template <> struct view<std::string> : text_view<std::string> {};
template <> struct view<std::string_view> : text_view<std::string_view> {};
template <typename Item, typename Allocator> struct view<std::vector<Item, Allocator>> : view_base<std::vector<Item, Allocator>, Item, false> {
    static void look(const void *object, stillframe_view *out) {
        const auto *items = static_cast<const std::vector<Item, Allocator> *>(object);
        view::fill(out, items->data(), items->size());
    }
};
/* Its items are bits; the number of them is not worth a copy of the library's ways. */
template <typename Allocator> struct view<std::vector<bool, Allocator>> {
    static constexpr bool is = false;
};
template <typename Item, std::size_t count> struct view<std::array<Item, count>> : view_base<std::array<Item, count>, Item, false> {
    static void look(const void *object, stillframe_view *out) {
        view::fill(out, static_cast<const std::array<Item, count> *>(object)->data(), count);
    }
};
template <typename Item> struct view<std::optional<Item>> : view_base<std::optional<Item>, Item, true> {
    static void look(const void *object, stillframe_view *out) {
        const auto *value = static_cast<const std::optional<Item> *>(object);
        view::fill(out, value->has_value() ? &**value : nullptr, value->has_value() ? 1 : 0);
    }
};
template <typename Pointer, typename Item> struct pointer_view : view_base<Pointer, Item, true> {
    static void look(const void *object, stillframe_view *out) {
        const Item *item = static_cast<const Pointer *>(object)->get();
        pointer_view::fill(out, item, item == nullptr ? 0 : 1);
    }
};
/* A deleter may say that the pointer is none, a number of a file for example. */
template <typename Item, typename Deleter>
struct view<std::unique_ptr<Item, Deleter>>
    : std::conditional_t<std::is_array_v<Item> || std::is_void_v<Item> || !std::is_same_v<typename std::unique_ptr<Item, Deleter>::pointer, Item *>,
                         view<void>, pointer_view<std::unique_ptr<Item, Deleter>, Item>> {};
template <typename Item>
struct view<std::shared_ptr<Item>>
    : std::conditional_t<std::is_array_v<Item> || std::is_void_v<Item>, view<void>, pointer_view<std::shared_ptr<Item>, Item>> {};

template <typename Type> constexpr std::uint32_t number_kind() {
    if constexpr (std::is_same_v<Type, bool>) {
        return STILLFRAME_AS_BOOL;
    } else if constexpr (std::is_same_v<Type, char>) {
        return STILLFRAME_AS_CHAR;
    } else if constexpr (std::is_same_v<Type, long double>) {
        return STILLFRAME_AS_FLOAT;
    } else if constexpr (std::is_floating_point_v<Type>) {
        /* Extensions come in other formats: a __float128 is as large as a long double. */
        return sizeof(Type) == sizeof(float) || sizeof(Type) == sizeof(double) ? STILLFRAME_AS_FLOAT : STILLFRAME_AS_OPAQUE;
    } else if constexpr (std::is_enum_v<Type>) {
        return std::is_signed_v<std::underlying_type_t<Type>> ? STILLFRAME_AS_INT : STILLFRAME_AS_UINT;
    } else {
        return std::is_signed_v<Type> ? STILLFRAME_AS_INT : STILLFRAME_AS_UINT;
    }
}

template <typename Type> constexpr stillframe_type make_type() {
    const char *text = name<Type>::text.data();
    if constexpr (std::is_arithmetic_v<Type> || std::is_enum_v<Type>) {
        return {text, number_kind<Type>(), sizeof(Type), nullptr, nullptr, 0, nullptr};
    } else if constexpr (std::is_pointer_v<Type>) {
        using Target = std::remove_cv_t<std::remove_pointer_t<Type>>;
        if constexpr (std::is_same_v<Target, char>) {
            return {text, STILLFRAME_AS_STRING, sizeof(Type), nullptr, nullptr, 0, nullptr};
        } else if constexpr (described<Target>::is || view<Target>::is) {
            return {text, STILLFRAME_AS_TO, sizeof(Type), &type_of<Target>::value, nullptr, 0, nullptr};
        } else {
            return {text, STILLFRAME_AS_POINTER, sizeof(Type), nullptr, nullptr, 0, nullptr};
        }
    } else if constexpr (described<Type>::is) {
        return {text, STILLFRAME_AS_STRUCT, sizeof(Type), nullptr, described<Type>::fields, described<Type>::count, nullptr};
    } else if constexpr (view<Type>::is) {
        return {text, STILLFRAME_AS_VIEW, sizeof(Type), nullptr, nullptr, 0, &view<Type>::look};
    } else {
        /* It may have no size: void, a function, a class that is declared only. Nobody asks for it, and so it is the same description in a file
         * that does see the whole class. */
        return {text, STILLFRAME_AS_OPAQUE, 1, nullptr, nullptr, 0, nullptr};
    }
}

/* One of items, if a variable is an array. */
template <typename Type> const stillframe_type type_of<Type>::value = make_type<Type>();
template <typename Type> using plain = std::remove_cv_t<std::remove_all_extents_t<std::remove_reference_t<Type>>>;

/* The object behind an exception_ptr: what __cxa_throw was called with. libstdc++ and libc++ keep nothing else in it. */
inline const void *object_of(const std::exception_ptr &pointer) {
    static_assert(sizeof(std::exception_ptr) == sizeof(void *), "an exception_ptr of an unknown kind");
    const void *object = nullptr;
    __builtin_memcpy(&object, static_cast<const void *>(&pointer), sizeof object);
    return object;
}

/* Fills in what is known of the exception that is being handled, and reports it. `what` is called for std::exception, within a try block: it
 * is the program's code and may throw. */
__attribute__((noinline)) inline stillframe_status report_current(const char *mechanism, std::uint32_t flags, const void *caller,
                                                                  const stillframe_place *place) {
    std::exception_ptr current = std::current_exception();
    if (!current) {
        return STILLFRAME_NONE;
    }
    const std::type_info *type = abi::__cxa_current_exception_type();
    stillframe_failure failure = {};
    failure.struct_size = sizeof failure;
    failure.type = type == nullptr ? "unknown" : type->name();
    failure.mechanism = mechanism;
    failure.exception = object_of(current);
    failure.place = place;
    failure.caller = caller;
    failure.flags = flags | (type == nullptr ? 0u : STILLFRAME_FAILURE_MANGLED);
    char digits[16];
    try {
        try {
            std::rethrow_exception(current);
        } catch (const std::exception &exception) {
            failure.message = exception.what(); /* `current` keeps the object, and so its text */
        } catch (const char *text) {
            failure.message = text;
        } catch (const std::string &text) {
            failure.message = text.c_str();
        } catch (int number) {
            std::snprintf(digits, sizeof digits, "%d", number);
            failure.message = digits;
        }
    } catch (...) {
        /* Another type, or what() threw: it is reported without a message. */
    }
    return stillframe_capture_failure(&failure);
}

inline std::terminate_handler &before_terminate() {
    static std::terminate_handler handler = nullptr;
    return handler;
}

[[noreturn]] inline void on_terminate() {
    int before = errno;
    if (std::current_exception()) {
        report_current("terminate", STILLFRAME_FAILURE_UNHANDLED | STILLFRAME_FAILURE_FLUSH, __builtin_return_address(0), nullptr);
    } else {
        stillframe_failure failure = {};
        failure.struct_size = sizeof failure;
        failure.type = "std::terminate";
        failure.message = "called without an exception";
        failure.mechanism = "terminate";
        failure.caller = __builtin_return_address(0);
        failure.flags = STILLFRAME_FAILURE_UNHANDLED | STILLFRAME_FAILURE_FLUSH;
        stillframe_capture_failure(&failure);
    }
    errno = before;
    if (before_terminate() != nullptr) {
        before_terminate()();
    }
    std::abort();
}

} /* namespace detail */

/* Reports the exception that is being handled: for a catch block. STILLFRAME_NONE: there is none. */
__attribute__((noinline)) inline stillframe_status report_current(const stillframe_place *place = nullptr) {
    int before = errno;
    stillframe_status status = detail::report_current("catch", 0, __builtin_return_address(0), place);
    errno = before;
    return status;
}

/* Reports uncaught exceptions, and other calls of std::terminate, before the program ends as it would have: the handler that was installed
 * before runs next. */
inline void report_terminate() {
    std::terminate_handler known = std::set_terminate(detail::on_terminate);
    if (known != detail::on_terminate) {
        detail::before_terminate() = known;
    }
}

} /* namespace stillframe */

/* Reports the exception of this catch block. */
#define STILLFRAME_REPORT_CURRENT()                                                                                                      \
    (__extension__({                                                                                                                     \
        static const stillframe_place stillframe_place_current = {__func__, __FILE__, __LINE__, 0};                                      \
        ::stillframe::report_current(&stillframe_place_current);                                                                         \
    }))

/* Any variable. */
#define STILLFRAME_TYPE_OF(x) &::stillframe::detail::type_of<::stillframe::detail::plain<decltype(x)>>::value
#define STILLFRAME_VAR(x) STILLFRAME_REGISTER(#x, STILLFRAME_TYPE_OF(x), sizeof(x), &(x), 0)
/* `n` items behind a pointer; both are taken when this line runs. */
#define STILLFRAME_ARRAY(p, n) STILLFRAME_REGISTER(#p, STILLFRAME_TYPE_OF(*(p)), 0, (p), (std::size_t)(n))

/* Describes a class, at namespace scope outside of any namespace: STILLFRAME_STRUCT(order, shop::Order, fields...). */
#define STILLFRAME_STRUCT(tag, type, ...)                                                                                                \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Winvalid-offsetof\"")                                              \
    template <> struct stillframe::described<type> {                                                                                     \
        static constexpr bool is = true;                                                                                                 \
        static const stillframe_field fields[];                                                                                          \
        static const std::size_t count;                                                                                                  \
    };                                                                                                                                   \
    inline const stillframe_field stillframe::described<type>::fields[] = {__VA_ARGS__};                                                 \
    inline const std::size_t stillframe::described<type>::count = sizeof fields / sizeof fields[0];                                      \
    __attribute__((unused)) static const stillframe_type &stillframe_struct_##tag = ::stillframe::detail::type_of<type>::value;          \
    __attribute__((unused)) static const stillframe_type &stillframe_pointer_##tag = ::stillframe::detail::type_of<type *>::value;       \
    _Pragma("GCC diagnostic pop") static_assert(true, "")

#define STILLFRAME_SIZEOF_(owner, member) sizeof(((owner *)nullptr)->member)
#define STILLFRAME_FIELD(owner, member)                                                                                                  \
    {#member, STILLFRAME_TYPE_OF(((owner *)nullptr)->member), offsetof(owner, member), STILLFRAME_SIZEOF_(owner, member), 0, 0}
#define STILLFRAME_FIELD_OBJECT(owner, member, tag) STILLFRAME_FIELD(owner, member)
#define STILLFRAME_FIELD_OBJECT_AT(owner, member, tag) STILLFRAME_FIELD(owner, member)
#define STILLFRAME_FIELD_ARRAY(owner, member, count)                                                                                     \
    {#member, STILLFRAME_TYPE_OF(*((owner *)nullptr)->member), offsetof(owner, member), STILLFRAME_SIZEOF_(owner, member),               \
     offsetof(owner, count), STILLFRAME_SIZEOF_(owner, count)}
#define STILLFRAME_FIELD_OBJECTS(owner, member, count, tag) STILLFRAME_FIELD_ARRAY(owner, member, count)

#endif /* STILLFRAME_REPORT_HPP */
