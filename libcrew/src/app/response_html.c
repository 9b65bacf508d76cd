/* HTML with escaped insertions: the format string is markup, and what conversions produce
 * is escaped.
 *
 * The C library formats each conversion by itself, so conversions mean what they mean for
 * printf. %n, %m, %p and wide characters are not supported. */
#include "app/escape.h"
#include "app/response.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPEC_BYTES = 64 };

struct conversion {
    char spec[SPEC_BYTES]; /* '%', flags, width, precision ... */
    size_t spec_bytes;
    char length[3]; /* ... hh, h, l, ll, j, z, t, L ... */
    char type;      /* ... d, s and so on */
};

/* ---- reading a conversion ---- */

/* False when it would be too long. */
static bool add(struct conversion *conversion, const char *text, size_t bytes) {
    if (bytes >= sizeof conversion->spec - conversion->spec_bytes)
        return false;
    memcpy(conversion->spec + conversion->spec_bytes, text, bytes);
    conversion->spec_bytes += bytes;
    conversion->spec[conversion->spec_bytes] = '\0';
    return true;
}

/* A number in the format, or '*' for an argument. */
static bool add_number(struct conversion *conversion, const char **format,
                       va_list *args) {
    char number[16];
    if (**format != '*') {
        size_t digits = strspn(*format, "0123456789");
        const char *from = *format;
        *format += digits;
        return add(conversion, from, digits);
    }
    ++*format;
    int bytes = snprintf(number, sizeof number, "%d", va_arg(*args, int));
    return add(conversion, number, (size_t)bytes);
}

/* A negative precision is ignored (C11 §7.21.6.1). It is left out, as it cannot be
 * written. */
static bool add_precision(struct conversion *conversion, const char **format,
                          va_list *args) {
    size_t before = conversion->spec_bytes;
    if (**format != '.')
        return true;
    ++*format;
    if (!add(conversion, ".", 1) || !add_number(conversion, format, args))
        return false;
    if (conversion->spec[before + 1] == '-')
        conversion->spec_bytes = before;
    return true;
}

/* *FORMAT is after a '%'; it is moved to the end of the conversion. */
static bool read_conversion(struct conversion *conversion, const char **format,
                            va_list *args) {
    *conversion = (struct conversion){.spec = "%", .spec_bytes = 1};
    size_t flags = strspn(*format, "-+ #0'");
    if (!add(conversion, *format, flags))
        return false;
    *format += flags;
    if (!add_number(conversion, format, args) || !add_precision(conversion, format, args))
        return false;
    size_t length = strspn(*format, "hljztL");
    if (length >= sizeof conversion->length)
        return false;
    memcpy(conversion->length, *format, length);
    *format += length;
    conversion->type = **format;
    *format += **format != '\0';
    return true;
}

/* ---- formatting it ---- */

static bool has_length(const struct conversion *conversion, const char *length) {
    return strcmp(conversion->length, length) == 0;
}

static intmax_t signed_argument(const struct conversion *conversion, va_list *args) {
    if (has_length(conversion, "hh"))
        return (signed char)va_arg(*args, int);
    if (has_length(conversion, "h"))
        return (short)va_arg(*args, int);
    if (has_length(conversion, "l"))
        return va_arg(*args, long);
    if (has_length(conversion, "ll") || has_length(conversion, "L"))
        return va_arg(*args, long long);
    if (has_length(conversion, "j"))
        return va_arg(*args, intmax_t);
    if (has_length(conversion, "z") || has_length(conversion, "t"))
        return va_arg(*args, ptrdiff_t);
    return va_arg(*args, int);
}

static uintmax_t unsigned_argument(const struct conversion *conversion, va_list *args) {
    if (has_length(conversion, "hh"))
        return (unsigned char)va_arg(*args, unsigned);
    if (has_length(conversion, "h"))
        return (unsigned short)va_arg(*args, unsigned);
    if (has_length(conversion, "l"))
        return va_arg(*args, unsigned long);
    if (has_length(conversion, "ll") || has_length(conversion, "L"))
        return va_arg(*args, unsigned long long);
    if (has_length(conversion, "j"))
        return va_arg(*args, uintmax_t);
    if (has_length(conversion, "z") || has_length(conversion, "t"))
        return va_arg(*args, size_t);
    return va_arg(*args, unsigned);
}

/* Append LENGTH and the type. */
static bool complete(struct conversion *conversion, const char *length) {
    return add(conversion, length, strlen(length)) &&
           add(conversion, &conversion->type, 1);
}

static bool is_one_of(char type, const char *types) {
    return type != '\0' && strchr(types, type) != NULL;
}

/* The text of one conversion, for the caller to free; null: not a supported conversion,
 * or out of memory. The format is not a literal, but each type is checked here with its
 * argument. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static char *converted(struct conversion *conversion, va_list *args) {
    static const char floating[] = "aAeEfFgG";
    bool plain = has_length(conversion, "");
    char *text = NULL;
    int made = -1;
    /* The branches differ in the argument's type. NOLINTBEGIN(bugprone-branch-clone) */
    if (is_one_of(conversion->type, "di") && complete(conversion, "j"))
        made = asprintf(&text, conversion->spec, signed_argument(conversion, args));
    else if (is_one_of(conversion->type, "uoxX") && complete(conversion, "j"))
        made = asprintf(&text, conversion->spec, unsigned_argument(conversion, args));
    else if (is_one_of(conversion->type, floating) && has_length(conversion, "L") &&
             complete(conversion, "L"))
        made = asprintf(&text, conversion->spec, va_arg(*args, long double));
    else if (is_one_of(conversion->type, floating) && complete(conversion, ""))
        made = asprintf(&text, conversion->spec, va_arg(*args, double));
    else if (conversion->type == 'c' && plain && complete(conversion, ""))
        made = asprintf(&text, conversion->spec, va_arg(*args, int));
    else if (conversion->type == 's' && plain && complete(conversion, ""))
        made = asprintf(&text, conversion->spec, va_arg(*args, const char *));
    /* NOLINTEND(bugprone-branch-clone) */
    return made >= 0 ? text : NULL;
}
#pragma GCC diagnostic pop

static bool append_converted(struct buffer *to, const char **format, va_list *args) {
    struct conversion conversion;
    if (!read_conversion(&conversion, format, args))
        return false;
    char *text = converted(&conversion, args);
    if (text == NULL)
        return false;
    escape_html(to, text, strlen(text));
    free(text);
    return true;
}

static bool append_format(struct buffer *to, const char *format, va_list *args) {
    while (*format != '\0') {
        size_t markup = strcspn(format, "%");
        buffer_append(to, format, markup);
        format += markup;
        if (format[0] == '%' && format[1] == '%') {
            buffer_append(to, "%", 1);
            format += 2;
        } else if (*format == '%') {
            format++;
            if (!append_converted(to, &format, args))
                return false;
        }
    }
    return true;
}

int crew_response_html(crew_response *response, const char *format, ...) {
    va_list args;
    va_start(args, format);
    bool valid = append_format(response_body(response), format, &args);
    va_end(args);
    if (!valid)
        return response_invalid(response, CREW_EFAILED, CREW_EINVAL,
                                "crew_response_html cannot format: ", format);
    return response_written(response, RESPONSE_HTML);
}

int crew_response_url(crew_response *response, const char *text) {
    escape_url(response_body(response), text, "");
    return response_written(response, RESPONSE_TEXT);
}
