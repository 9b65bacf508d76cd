/* Dates as HTTP writes them. */
#include "wire/http_date.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void http_date_write(int64_t unix_s, char to[HTTP_DATE_BYTES]) {
    time_t time = (time_t)unix_s;
    struct tm tm;
    char text[64]; /* gcc reckons with years of more digits */
    gmtime_r(&time, &tm);
    snprintf(text, sizeof text, "%.3s, %02d %s %04d %02d:%02d:%02d GMT",
             weekdays[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
             tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(to, text, HTTP_DATE_BYTES - 1);
    to[HTTP_DATE_BYTES - 1] = '\0';
}

/* ---- reading: each step takes what it knows from the front of the text ---- */

static bool take(const char **text, const char *wanted) {
    size_t bytes = strlen(wanted);
    if (strncmp(*text, wanted, bytes) != 0)
        return false;
    *text += bytes;
    return true;
}

static bool take_digits(const char **text, int digits, int *number) {
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *text += digits;
    *number = value;
    return true;
}

static bool take_month(const char **text, int *month) {
    for (*month = 0; *month < 12; ++*month)
        if (take(text, months[*month]))
            return true;
    return false;
}

/* time-of-day: 08:49:37, up to the leap second. */
static bool take_time(const char **text, struct tm *tm) {
    return take_digits(text, 2, &tm->tm_hour) && take(text, ":") &&
           take_digits(text, 2, &tm->tm_min) && take(text, ":") &&
           take_digits(text, 2, &tm->tm_sec);
}

/* IMF-fixdate, behind the weekday: ", 06 Nov 1994 08:49:37 GMT" */
static bool take_fixdate(const char **text, struct tm *tm) {
    return take(text, ", ") && take_digits(text, 2, &tm->tm_mday) && take(text, " ") &&
           take_month(text, &tm->tm_mon) && take(text, " ") &&
           take_digits(text, 4, &tm->tm_year) && take(text, " ") && take_time(text, tm) &&
           take(text, " GMT");
}

/* asctime-date, behind the weekday: " Nov  6 08:49:37 1994" */
static bool take_asctime(const char **text, struct tm *tm) {
    return take(text, " ") && take_month(text, &tm->tm_mon) && take(text, " ") &&
           (take(text, " ") ? take_digits(text, 1, &tm->tm_mday)
                            : take_digits(text, 2, &tm->tm_mday)) &&
           take(text, " ") && take_time(text, tm) && take(text, " ") &&
           take_digits(text, 4, &tm->tm_year);
}

/* Two digits mean the latest such year that is not more than 50 years ahead. */
static int full_year(int two_digits, int64_t now_s) {
    time_t now = (time_t)now_s;
    struct tm tm;
    gmtime_r(&now, &tm);
    int latest = tm.tm_year + 1900 + 50;
    int year = latest - latest % 100 + two_digits;
    return year > latest ? year - 100 : year;
}

/* rfc850-date, behind the weekday: ", 06-Nov-94 08:49:37 GMT" */
static bool take_rfc850(const char **text, int64_t now_s, struct tm *tm) {
    if (!(take(text, ", ") && take_digits(text, 2, &tm->tm_mday) && take(text, "-") &&
          take_month(text, &tm->tm_mon) && take(text, "-") &&
          take_digits(text, 2, &tm->tm_year) && take(text, " ") && take_time(text, tm) &&
          take(text, " GMT")))
        return false;
    tm->tm_year = full_year(tm->tm_year, now_s);
    return true;
}

/* The form shows in what stands behind the weekday. Whether it was that day of the week
 * is not looked at: the date says the same without it. */
static bool take_date(const char **text, int64_t now_s, struct tm *tm) {
    for (size_t day = 0; day < 7; day++) {
        char brief[4] = {weekdays[day][0], weekdays[day][1], weekdays[day][2], '\0'};
        if (take(text, weekdays[day]))
            return take_rfc850(text, now_s, tm);
        if (take(text, brief))
            return (*text)[0] == ',' ? take_fixdate(text, tm) : take_asctime(text, tm);
    }
    return false;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month] + (month == 1 && leap);
}

bool http_date_read(const char *text, int64_t now_s, int64_t *unix_s) {
    struct tm tm = {0};
    if (!take_date(&text, now_s, &tm) || text[0] != '\0')
        return false;
    if (tm.tm_mday < 1 || tm.tm_mday > days_in_month(tm.tm_year, tm.tm_mon) ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60 || tm.tm_year < 1)
        return false;
    tm.tm_year -= 1900;
    *unix_s = (int64_t)timegm(&tm);
    return true;
}
