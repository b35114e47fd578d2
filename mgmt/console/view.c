/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view.c - signals are read from a descriptor that every form watches: nothing runs in a handler, newt's own for a new
 * size included.
 */
#include "mgmt/console/view.h"

#include <errno.h>
#include <newt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "board/error.h"
#include "mgmt/console/lines.h"

enum {
    REFRESH_MS = 1000,
    SILENCE_MS = 250,
    NOISE_MS = 5000,
    HELP_LINES = 5, /* at least; and what stays for the list where helps are long */
    LIST_LINES = 5,
    DIALOG_COLUMNS = 66,
    TOP_BYTES = 200,
    COLUMNS_MIN = 40,
    ROWS_MIN = 12
};

struct view {
    int signals;
    bool gone;
    bool resized; /* and not drawn anew since */
    char top[TOP_BYTES];
};

/* What a terminal could stop or kill us by is ignored: a break or a ^C on the line is no command here. */
static int open_signals(void)
{
    static const int ignored[] = { SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE };
    struct sigaction action = { .sa_handler = SIG_IGN };
    sigset_t heard;
    for (unsigned i = 0; i < sizeof ignored / sizeof *ignored; i++)
        sigaction(ignored[i], &action, NULL);
    sigemptyset(&heard);
    sigaddset(&heard, SIGWINCH);
    sigaddset(&heard, SIGHUP);
    sigaddset(&heard, SIGTERM);
    sigprocmask(SIG_BLOCK, &heard, NULL);
    return signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* A stray ^S on the line would stop all output until somebody thinks of ^Q. */
static void refuse_to_be_stopped(void)
{
    struct termios settings;
    if (tcgetattr(STDIN_FILENO, &settings) < 0)
        return;
    settings.c_iflag &= ~(tcflag_t)(IXON | IXOFF);
    tcsetattr(STDIN_FILENO, TCSANOW, &settings);
}

int view_open(struct view **out, struct error *err)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return error_set(err, -ENOTTY, "this needs a terminal");
    struct view *view = calloc(1, sizeof *view);
    if (!view)
        return error_set(err, -ENOMEM, "no memory");
    view->signals = open_signals();
    if (view->signals < 0) {
        free(view);
        return error_set_errno(err, -errno, "signals");
    }
    newtInit();
    refuse_to_be_stopped();
    newtCls();
    *out = view;
    return 0;
}

void view_close(struct view *view)
{
    if (!view)
        return;
    newtFinished();
    close(view->signals);
    free(view);
}

bool view_is_gone(const struct view *view)
{
    return view->gone;
}

void view_top(struct view *view, const char *text)
{
    snprintf(view->top, sizeof view->top, "%s", text);
}

/* Is there another size? */
static bool take_signals(struct view *view)
{
    struct signalfd_siginfo information;
    bool resized = false;
    while (read(view->signals, &information, sizeof information) == sizeof information) {
        resized |= information.ssi_signo == SIGWINCH;
        view->gone |= information.ssi_signo != SIGWINCH;
    }
    return resized;
}

static void screen_size(int *columns, int *rows)
{
    newtGetScreenSize(columns, rows);
    *columns = *columns < COLUMNS_MIN ? COLUMNS_MIN : *columns;
    *rows = *rows < ROWS_MIN ? ROWS_MIN : *rows;
}

static void draw_top(const struct view *view)
{
    char text[TOP_BYTES + 1];
    int columns, rows;
    screen_size(&columns, &rows);
    snprintf(text, sizeof text, "%-*.*s", columns - 1, columns - 1 < TOP_BYTES ? columns - 1 : TOP_BYTES, view->top);
    newtDrawRootText(0, 0, text);
}

/* ---- one run of a form ---- */
enum event { EVENT_KEY, EVENT_COMPONENT, EVENT_TIMER, EVENT_RESIZED, EVENT_GONE };

static newtComponent new_form(const struct view *view)
{
    newtComponent form = newtForm(NULL, NULL, 0);
    newtFormWatchFd(form, view->signals, NEWT_FD_READ);
    newtFormAddHotKey(form, NEWT_KEY_ESCAPE);
    newtFormAddHotKey(form, NEWT_KEY_F12);
    return form;
}

static enum event run(struct view *view, newtComponent form, struct newtExitStruct *result)
{
    if (!view->gone)
        newtFormRun(form, result);
    if (view->gone)
        return EVENT_GONE;
    switch (result->reason) {
    case NEWT_EXIT_HOTKEY:
        return EVENT_KEY;
    case NEWT_EXIT_COMPONENT:
        return EVENT_COMPONENT;
    case NEWT_EXIT_TIMER:
        return EVENT_TIMER;
    case NEWT_EXIT_FDREADY:
        view->resized |= take_signals(view);
        return view->gone ? EVENT_GONE : EVENT_RESIZED;
    default:
        view->gone = true;
        return EVENT_GONE;
    }
}

static bool is_back(const struct newtExitStruct *result)
{
    return result->u.key == NEWT_KEY_ESCAPE || result->u.key == NEWT_KEY_F12 || result->u.key == 'q';
}

/* ---- lists ---- */
struct list_screen {
    const struct view_list *list;
    newtComponent form, box, help;
    int width, height;
    unsigned shown; /* entries in the box */
};

static void *key_of(unsigned index)
{
    return (void *)(size_t)(index + 1);
}

static unsigned current(const struct list_screen *screen)
{
    size_t key = (size_t)newtListboxGetCurrent(screen->box);
    return key ? (unsigned)key - 1 : 0;
}

static void show_help(struct list_screen *screen)
{
    char text[VIEW_TEXT_BYTES] = "";
    if (!screen->help)
        return;
    if (screen->list->lines->count)
        screen->list->help(screen->list->context, current(screen), text, sizeof text);
    newtTextboxSetText(screen->help, text);
}

static void on_moved(newtComponent component, void *context)
{
    (void)component;
    show_help(context);
}

/* selected: also where the list becomes another one */
static void fill(struct list_screen *screen, unsigned selected)
{
    const struct lines *lines = screen->list->lines;
    char cut[LINE_BYTES_MAX];
    if (screen->shown != lines->count)
        newtListboxClear(screen->box);
    for (unsigned i = 0; i < lines->count; i++) {
        snprintf(cut, sizeof cut, "%.*s", screen->width - 2, lines->text[i]);
        if (screen->shown != lines->count)
            newtListboxAppendEntry(screen->box, cut, key_of(i));
        else
            newtListboxSetEntry(screen->box, (int)i, cut);
    }
    screen->shown = lines->count;
    if (lines->count)
        newtListboxSetCurrent(screen->box, (int)(selected < lines->count ? selected : lines->count - 1));
}

/* The longest help of the list is to be seen as a whole: its range and default stand at the end. */
static int help_lines(const struct list_screen *screen)
{
    const struct view_list *list = screen->list;
    int most = screen->height - LIST_LINES - 1, wanted = HELP_LINES;
    for (unsigned i = 0; list->help && i < list->lines->count && wanted < most; i++) {
        char text[VIEW_TEXT_BYTES] = "";
        list->help(list->context, i, text, sizeof text);
        int lines = (int)lines_wrapped((unsigned)screen->width, text);
        if (lines > wanted)
            wanted = lines < most ? lines : most;
    }
    return list->help ? wanted : 0;
}

static void build_list(struct view *view, struct list_screen *screen, unsigned selected)
{
    const struct view_list *list = screen->list;
    int columns, rows;
    char rule[LINE_BYTES_MAX];
    screen_size(&columns, &rows);
    screen->width = columns - 4;
    screen->height = rows - 5;
    int help = help_lines(screen);
    newtOpenWindow(2, 2, (unsigned)screen->width, (unsigned)screen->height, list->title);
    screen->form = new_form(view);
    newtFormAddHotKey(screen->form, 'q');
    for (const char *key = list->keys ? list->keys : ""; *key; key++)
        newtFormAddHotKey(screen->form, *key);
    int height = screen->height - (help ? help + 1 : 0);
    screen->box = newtListbox(0, 0, height, NEWT_FLAG_RETURNEXIT | NEWT_FLAG_SCROLL);
    newtListboxSetWidth(screen->box, screen->width);
    newtFormAddComponent(screen->form, screen->box);
    screen->shown = ~0U;
    fill(screen, selected);
    if (help) {
        snprintf(rule, sizeof rule, "%.*s", screen->width,
                 "--------------------------------------------------------------------------------------------------"
                 "--------------------------------------------------------------------------------------------------");
        newtFormAddComponent(screen->form, newtLabel(0, height, rule));
        screen->help = newtTextbox(0, height + 1, screen->width, help, NEWT_FLAG_WRAP);
        newtFormAddComponent(screen->form, screen->help);
        newtComponentAddCallback(screen->box, on_moved, screen);
        show_help(screen);
    }
    if (list->refresh)
        newtFormSetTimer(screen->form, REFRESH_MS);
    newtPushHelpLine(list->legend ? list->legend : " Enter: choose   q: back");
    draw_top(view);
}

/* While no window is open. newtResizeScreen() would keep the size of what is drawn: of a larger terminal only the
 * corner that was there before. */
static void take_size(struct view *view)
{
    if (!view->resized)
        return;
    view->resized = false;
    newtFinished();
    newtInit();
    refuse_to_be_stopped();
    newtCls();
}

static void tear_down(struct view *view, newtComponent form)
{
    newtFormDestroy(form);
    newtPopHelpLine();
    newtPopWindow();
    take_size(view);
}

int view_list(struct view *view, const struct view_list *list, unsigned *selected)
{
    struct newtExitStruct result;
    while (!view->gone) {
        struct list_screen screen = { .list = list };
        enum event event;
        if (list->refresh)
            list->refresh(list->context);
        build_list(view, &screen, *selected);
        while ((event = run(view, screen.form, &result)) == EVENT_TIMER) {
            unsigned before = current(&screen);
            char *text = before < list->lines->count ? strdup(list->lines->text[before]) : NULL;
            list->refresh(list->context);
            fill(&screen, lines_find(list->lines, text, before));
            free(text);
            show_help(&screen);
            draw_top(view);
        }
        *selected = current(&screen);
        tear_down(view, screen.form);
        if (event == EVENT_COMPONENT)
            return VIEW_ENTER;
        if (event == EVENT_KEY)
            return is_back(&result) ? VIEW_BACK : result.u.key;
    }
    return VIEW_GONE;
}

/* ---- dialogs ---- */
static int open_dialog(const char *title, int height)
{
    int columns, rows;
    screen_size(&columns, &rows);
    int width = columns - 8 < DIALOG_COLUMNS ? columns - 8 : DIALOG_COLUMNS;
    if (height > rows - 5)
        height = rows - 5;
    newtOpenWindow((columns - width) / 2, (rows - height) / 2, (unsigned)width, (unsigned)height, title);
    return width;
}

static newtComponent text_component(int top, int width, int height, const char *text)
{
    newtComponent component = newtTextbox(0, top, width, height, NEWT_FLAG_WRAP);
    newtTextboxSetText(component, text);
    return component;
}

/* What is typed into one field. */
struct typing {
    newtComponent warning;
    int width;
};

/* On a line of plain ASCII such letters would be left out without a word: half a password is worse than none. */
static int on_typed(newtComponent entry, void *context, int key, int cursor)
{
    struct typing *typing = context;
    char text[LINE_BYTES_MAX];
    (void)entry;
    (void)cursor;
    if (key < 0x7f || key > 0xff || MB_CUR_MAX > 1)
        return key;
    snprintf(text, sizeof text, "%.*s", typing->width, "! left out: only letters of ASCII can be typed on this line");
    newtLabelSetText(typing->warning, text);
    newtBell();
    return 0;
}

static bool edit_once(struct view *view, const char *title, const char *text, bool secret, bool can_unset,
                      char value[VIEW_TEXT_BYTES], int *answer)
{
    struct newtExitStruct result;
    char *typed = NULL;
    int width = open_dialog(title, 14);
    newtComponent form = new_form(view), unset = NULL;
    newtComponent entry = newtEntry(0, 0, value, width, (const char **)&typed,
                                    NEWT_FLAG_SCROLL | NEWT_FLAG_RETURNEXIT | (secret ? NEWT_FLAG_PASSWORD : 0));
    newtComponent ok = newtCompactButton(0, 12, "OK"), cancel = newtCompactButton(10, 12, "Cancel");
    struct typing typing = { newtLabel(0, 1, ""), width };
    newtEntrySetFilter(entry, on_typed, &typing);
    newtFormAddComponents(form, entry, typing.warning, text_component(2, width, 9, text), ok, cancel, NULL);
    if (can_unset)
        newtFormAddComponent(form, unset = newtCompactButton(24, 12, "Default"));
    newtPushHelpLine(" Enter: take it   Tab: to the buttons   Escape: leave it as it was");
    draw_top(view);
    enum event event = run(view, form, &result);
    if (!view->gone)
        snprintf(value, VIEW_TEXT_BYTES, "%s", typed ? typed : "");
    bool back = event == EVENT_KEY || (event == EVENT_COMPONENT && result.u.co == cancel);
    *answer = back ? VIEW_BACK : event == EVENT_COMPONENT && unset && result.u.co == unset ? 'd' : VIEW_ENTER;
    tear_down(view, form);
    return event == EVENT_KEY || event == EVENT_COMPONENT;
}

int view_field(struct view *view, const char *title, const char *help, const char *error, bool secret, bool can_unset,
               char text[VIEW_TEXT_BYTES])
{
    char words[2 * VIEW_TEXT_BYTES];
    int answer;
    snprintf(words, sizeof words, "%s%s%s%s", *error ? "! " : "", error, *error ? "\n\n" : "", help);
    while (!view->gone)
        if (edit_once(view, title, words, secret, can_unset, text, &answer))
            return answer;
    return VIEW_GONE;
}

static bool ask_once(struct view *view, const char *title, const char *text, const char *yes, const char *no,
                     int timer_ms, bool *answer, bool *timer)
{
    struct newtExitStruct result;
    int columns, rows;
    screen_size(&columns, &rows);
    int wanted = (int)lines_wrapped((unsigned)(columns - 8 < DIALOG_COLUMNS ? columns - 8 : DIALOG_COLUMNS), text);
    int height = wanted < rows - 9 ? wanted : rows - 9;
    int width = open_dialog(title, height + 3);
    newtComponent form = new_form(view), second = newtCompactButton(0, height + 1, no);
    newtComponent first = yes ? newtCompactButton((int)strlen(no) + 8, height + 1, yes) : NULL;
    newtFormAddComponents(form, text_component(0, width, height, text), second, NULL);
    if (first)
        newtFormAddComponent(form, first);
    if (timer_ms)
        newtFormSetTimer(form, timer_ms);
    newtPushHelpLine(first ? " Tab: the other button   Enter: choose it" : " Enter: go on");
    draw_top(view);
    enum event event = run(view, form, &result);
    *answer = event == EVENT_COMPONENT && first && result.u.co == first;
    *timer = event == EVENT_TIMER;
    tear_down(view, form);
    return event == EVENT_KEY || event == EVENT_COMPONENT;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* What came before a question was there to be read is no answer to it: garbage comes in bursts. false: it does not end,
 * or the line is gone. */
static bool await_silence(struct view *view)
{
    struct pollfd heard[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = view->signals, .events = POLLIN } };
    char dropped[256];
    int64_t until_ms = now_ms() + NOISE_MS;
    while (!view->gone && poll(heard, 2, SILENCE_MS) > 0) {
        if (heard[1].revents)
            view->resized |= take_signals(view);
        if (heard[0].revents && read(STDIN_FILENO, dropped, sizeof dropped) <= 0)
            return true; /* the next form that runs learns of it */
        if (now_ms() > until_ms)
            return false;
    }
    take_size(view);
    return !view->gone;
}

void view_message(struct view *view, const char *title, const char *text)
{
    bool answer, timer;
    while (!view->gone && !ask_once(view, title, text, NULL, "OK", 0, &answer, &timer))
        ;
}

bool view_ask(struct view *view, const char *title, const char *text, const char *yes, const char *no)
{
    bool answer = false, timer;
    if (!await_silence(view)) {
        view_message(view, title, "Keys come from the line without end. It was not asked, and nothing is done.");
        return false;
    }
    while (!view->gone && !ask_once(view, title, text, yes, no, 0, &answer, &timer))
        ;
    return answer && !view->gone;
}

bool view_countdown(struct view *view, const char *title, const char *text, const char *yes, const char *no,
                    int (*seconds)(void *context), void *context)
{
    bool answer = false, timer = false;
    char words[VIEW_TEXT_BYTES];
    while (!await_silence(view))
        if (view->gone || seconds(context) < 0)
            return false;
    for (int left; !view->gone && (left = seconds(context)) >= 0;) {
        snprintf(words, sizeof words, "%s\n\n%d s", text, left);
        if (ask_once(view, title, words, yes, no, REFRESH_MS, &answer, &timer))
            return answer;
    }
    return false;
}

bool view_ask_for_word(struct view *view, const char *title, const char *text, const char *word)
{
    char typed[VIEW_TEXT_BYTES] = "", words[VIEW_TEXT_BYTES];
    snprintf(words, sizeof words, "%s\n\nType %s and press Enter if you mean it.", text, word);
    return view_field(view, title, words, "", false, false, typed) == VIEW_ENTER && strcmp(typed, word) == 0;
}

static _Noreturn void become(const char *const *arguments)
{
    static const int ignored[] = { SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE };
    sigset_t none;
    sigemptyset(&none);
    for (unsigned i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(arguments[0], (char *const *)arguments);
    _exit(127);
}

void view_run(struct view *view, const char *const *arguments)
{
    if (view->gone)
        return;
    newtSuspend();
    pid_t pid = fork();
    if (pid == 0)
        become(arguments);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    newtResume();
    refuse_to_be_stopped();
    take_signals(view);
    view->resized = true;
    take_size(view);
}
