/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mgmt/console/editor.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "board/error.h"
#include "mgmt/console/console.h"
#include "mgmt/console/form.h"
#include "mgmt/console/lines.h"

struct editor {
    struct console *console;
    const char *name;
    json_t *document;
    json_t *seen;                   /* as biplaned had it when this editor last read or staged it */
    bool stale;                     /* it has another since */
    const struct editor_page *page; /* instead of a document; NULL: a document */
};

/* What the help of a list is made from. */
struct shown {
    const struct form *form;
    size_t field;
};

static void edit_list(struct editor *editor, struct form *form, size_t field);
static void edit_group(struct editor *editor, struct form *form);

static void renew(const struct editor *editor, struct form *form)
{
    if (editor->page)
        editor->page->renew(editor->page->context, form);
    else
        form->problems = session_problems(&editor->console->session);
}

/* A form may stand open for hours: what others staged or applied meanwhile is not put back to what it was. */
static bool is_stale(struct editor *editor)
{
    json_t *now = session_document(&editor->console->session, editor->name, NULL);
    editor->stale |= now && !json_equal(now, editor->seen);
    json_decref(now);
    return editor->stale;
}

static void remember(struct editor *editor)
{
    json_t *now = session_document(&editor->console->session, editor->name, NULL);
    if (!now)
        return;
    json_decref(editor->seen);
    editor->seen = now;
}

static void store(struct editor *editor)
{
    struct error err = { 0 };
    if (editor->page) {
        editor->page->stored(editor->page->context);
        return;
    }
    if (is_stale(editor)) {
        view_message(editor->console->view, editor->name,
                     "Somebody else has changed this since it was opened here. What was just entered is not taken: go "
                     "back, and open it again.");
        return;
    }
    if (session_stage(&editor->console->session, editor->name, editor->document, &err) < 0)
        console_tell(editor->console, editor->name, &err);
    remember(editor);
    console_refresh_top(editor->console);
}

/* ---- one value ---- */
int editor_choose(struct console *console, const char *title, struct lines *words, unsigned selected)
{
    const struct view_list list = { .title = title,
                                    .lines = words,
                                    .legend = " Enter: take it   q: leave it as it was" };
    return view_list(console->view, &list, &selected) == VIEW_ENTER ? (int)selected : -1;
}

static void choice_help(void *context, unsigned selected, char *text, size_t bytes)
{
    const struct shown *shown = context;
    (void)selected;
    form_help(shown->form, shown->field, text, bytes);
}

/* The words to choose from; *selected: the one in use, so that Enter takes that and not the first of the list. A
 * board's value has no word of its own in the table: it stands before them. Returns how many lines stand before them.
 */
static unsigned list_choices(const struct form *form, size_t field, struct lines *words, unsigned *selected)
{
    char now[FORM_TEXT_BYTES];
    const json_t *choices = form_choices(form, field);
    unsigned before = form_is_of_board(form, field) && !form_is_set(form, field);
    if (before)
        lines_add(words, "(the board's)");
    for (size_t i = 0; i < json_array_size(choices); i++)
        lines_add(words, "%s", json_string_value(json_array_get(choices, i)));
    if (!choices) {
        lines_add(words, "true");
        lines_add(words, "false");
    }
    form_edit_text(form, field, now, sizeof now);
    if (!*now)
        form_default_text(form, field, now, sizeof now);
    *selected = 0;
    for (unsigned i = 0; i < words->count && !before; i++)
        if (strcmp(words->text[i], now) == 0)
            *selected = i;
    return before;
}

static void edit_choice(struct editor *editor, struct form *form, size_t field)
{
    struct lines words = { 0 };
    struct shown shown = { form, field };
    unsigned selected, before = list_choices(form, field, &words, &selected), first = selected;
    char standard[FORM_TEXT_BYTES];
    form_default_text(form, field, standard, sizeof standard);
    const struct view_list list = { .title = form_name(form, field),
                                    .lines = &words,
                                    .keys = "d",
                                    .legend = " Enter: take it   d: the default   q: leave it as it was",
                                    .help = choice_help,
                                    .context = &shown };
    int answer = view_list(editor->console->view, &list, &selected);
    /* who only looks at what is in use by itself sets nothing */
    bool looked = selected == first && !form_is_set(form, field) && (before || *standard);
    if (answer == VIEW_ENTER && selected < words.count && !looked)
        form_set(form, field, words.text[selected]);
    else if (answer == 'd')
        form_unset(form, field);
    lines_free(&words);
    if ((answer == VIEW_ENTER && !looked) || answer == 'd')
        store(editor);
}

static void edit_text(struct editor *editor, struct form *form, size_t field)
{
    char text[VIEW_TEXT_BYTES], help[FORM_TEXT_BYTES], error[FORM_TEXT_BYTES];
    bool secret = form_is_secret(form, field);
    form_edit_text(form, field, text, sizeof text);
    form_help(form, field, help, sizeof help);
    form_error(form, field, error, sizeof error);
    int answer = view_field(editor->console->view, form_name(form, field), help, error, secret, true, text);
    bool kept = secret && answer == VIEW_ENTER && !*text; /* nothing typed: the secret stays as it is */
    if (answer != VIEW_GONE && answer != VIEW_BACK && !kept) {
        if (answer == 'd')
            form_unset(form, field);
        else
            form_set(form, field, text);
        store(editor);
        if (secret && answer == VIEW_ENTER && !editor->page)
            json_object_set_new(form->object, form_name(form, field),
                                json_null()); /* it is there, and not ours to keep */
    }
    memset(text, 0, sizeof text);
}

static void edit_field(struct editor *editor, struct form *form, size_t field)
{
    struct form inner;
    switch (form_kind(form, field)) {
    case FORM_CHOICE:
        edit_choice(editor, form, field);
        break;
    case FORM_TEXT:
        edit_text(editor, form, field);
        break;
    case FORM_LIST:
        edit_list(editor, form, field);
        break;
    case FORM_GROUP:
        inner = form_of_group(form, field);
        edit_group(editor, &inner);
        if (json_object_size(inner.object) == 0)
            form_unset(form, field);
        break;
    }
}

/* ---- groups ---- */
static void group_help(void *context, unsigned selected, char *text, size_t bytes)
{
    const struct form *form = context;
    char error[FORM_TEXT_BYTES / 2], help[FORM_TEXT_BYTES / 2];
    form_help(form, selected, help, sizeof help);
    if (form_error(form, selected, error, sizeof error))
        snprintf(text, bytes, "! %s\n%s", error, help);
    else
        snprintf(text, bytes, "%s", help);
}

static void group_title(const struct form *form, char *text, size_t bytes)
{
    const char *path = form->path;
    size_t length = strlen(path);
    snprintf(text, bytes, "%s%s%.60s", form->document, length ? " " : "", length > 50 ? path + length - 50 : path);
}

static void group_lines(const struct form *form, struct lines *lines)
{
    char line[LINE_BYTES_MAX];
    for (size_t i = 0; i < form_count(form); i++) {
        form_line(form, i, line, sizeof line);
        lines_add(lines, "%s", line);
    }
}

/* Shows the form once, and does what was asked for. Returns the key that ended it. */
static int edit_group_once(struct editor *editor, struct form *form, const struct view_list *base, unsigned *selected)
{
    struct lines lines = { 0 };
    struct view_list list = *base;
    renew(editor, form);
    group_lines(form, &lines);
    list.lines = &lines;
    int answer = view_list(editor->console->view, &list, selected);
    lines_free(&lines);
    if (answer == VIEW_ENTER) {
        edit_field(editor, form, *selected);
    } else if (answer == 'd' && form_is_set(form, *selected)) {
        form_unset(form, *selected);
        store(editor);
    } else if (answer == 'e' && form_first_error(form) >= 0) {
        *selected = (unsigned)form_first_error(form);
    }
    return answer;
}

static void edit_group(struct editor *editor, struct form *form)
{
    char title[128];
    unsigned selected = 0;
    int answer;
    group_title(form, title, sizeof title);
    const struct view_list list = { .title = title,
                                    .keys = "de",
                                    .legend = " Enter: edit   d: back to the default   e: next error   q: back",
                                    .help = group_help,
                                    .context = form };
    do
        answer = edit_group_once(editor, form, &list, &selected);
    while (answer != VIEW_BACK && answer != VIEW_GONE);
}

int editor_page(struct console *console, const struct editor_page *page, struct form *form, unsigned *selected)
{
    struct editor editor = { .console = console, .page = page };
    int answer;
    const struct view_list list = {
        .title = page->title, .keys = page->keys, .legend = page->legend, .help = group_help, .context = form
    };
    do
        answer = edit_group_once(&editor, form, &list, selected);
    while (answer == VIEW_ENTER || answer == 'd' || answer == 'e');
    return answer;
}

/* ---- lists ---- */
static void list_help(void *context, unsigned selected, char *text, size_t bytes)
{
    const struct shown *shown = context;
    char error[FORM_TEXT_BYTES / 2], help[FORM_TEXT_BYTES / 2];
    (void)selected;
    form_help(shown->form, shown->field, help, sizeof help);
    if (form_error(shown->form, shown->field, error, sizeof error))
        snprintf(text, bytes, "! %s\n%s", error, help);
    else
        snprintf(text, bytes, "%s", help);
}

static void add_element(struct editor *editor, struct form *form, size_t field, unsigned *selected)
{
    struct form inner;
    if (form_elements(form, field) >= form_room(form, field)) {
        view_message(editor->console->view, form_name(form, field), "There is no room for one more.");
        return;
    }
    *selected = (unsigned)form_add_element(form, field);
    store(editor);
    inner = form_of_element(form, field, *selected);
    edit_group(editor, &inner);
    if (json_object_size(inner.object) == 0 && !view_is_gone(editor->console->view)) { /* nothing was said of it */
        form_remove_element(form, field, *selected);
        store(editor);
    }
}

static void remove_element(struct editor *editor, struct form *form, size_t field, unsigned selected)
{
    char line[LINE_BYTES_MAX], text[LINE_BYTES_MAX + 64];
    form_element_line(form, field, selected, line, sizeof line);
    snprintf(text, sizeof text, "Remove this?\n%s", line + 1);
    if (!view_ask(editor->console->view, form_name(form, field), text, "Remove", "Keep"))
        return;
    form_remove_element(form, field, selected);
    store(editor);
}

static void edit_list(struct editor *editor, struct form *form, size_t field)
{
    unsigned selected = 0;
    int answer;
    do {
        struct lines lines = { 0 };
        char line[LINE_BYTES_MAX];
        struct shown shown = { form, field };
        size_t count = form_elements(form, field);
        renew(editor, form);
        for (size_t i = 0; i < count; i++) {
            form_element_line(form, field, i, line, sizeof line);
            lines_add(&lines, "%s", line);
        }
        if (count == 0)
            lines_add(&lines, "  %s: a adds one", form_is_of_board(form, field) ? "those of the board" : "none");
        const struct view_list list = { .title = form_name(form, field),
                                        .lines = &lines,
                                        .keys = "ad",
                                        .legend = " Enter: edit   a: add   d: remove   q: back",
                                        .help = list_help,
                                        .context = &shown };
        answer = view_list(editor->console->view, &list, &selected);
        lines_free(&lines);
        if (answer == 'a' || (answer == VIEW_ENTER && count == 0)) {
            add_element(editor, form, field, &selected);
        } else if (answer == VIEW_ENTER) {
            struct form inner = form_of_element(form, field, selected);
            edit_group(editor, &inner);
        } else if (answer == 'd' && count) {
            remove_element(editor, form, field, selected);
        }
    } while (answer != VIEW_BACK && answer != VIEW_GONE);
}

/* ---- doors ---- */
static bool begin(struct editor *editor, struct console *console, const char *document, struct form *form)
{
    struct error err = { 0 };
    *editor = (struct editor){ .console = console, .name = document };
    const json_t *schema = session_schema(&console->session, document, &err);
    editor->document = schema ? session_document(&console->session, document, &err) : NULL;
    if (!editor->document || session_refresh(&console->session, &err) < 0) {
        json_decref(editor->document);
        console_tell(console, document, &err);
        return false;
    }
    editor->seen = json_deep_copy(editor->document);
    *form = (struct form){ .settings = schema, .object = editor->document, .document = document };
    renew(editor, form);
    return true;
}

static void end(struct editor *editor)
{
    json_decref(editor->seen);
    json_decref(editor->document);
}

void editor_open(struct console *console, const char *document, const char *list)
{
    struct editor editor;
    struct form form;
    if (!begin(&editor, console, document, &form))
        return;
    int field = list ? form_find(&form, list) : -1;
    if (field >= 0)
        edit_list(&editor, &form, (size_t)field);
    else
        edit_group(&editor, &form);
    end(&editor);
}

void editor_open_destination(struct console *console, const char *document, unsigned group, unsigned destination)
{
    struct editor editor;
    struct form form;
    if (!begin(&editor, console, document, &form))
        return;
    int groups = form_find(&form, "output_groups");
    if (groups >= 0 && group < form_elements(&form, (size_t)groups)) {
        struct form inner = form_of_element(&form, (size_t)groups, group);
        int list = form_find(&inner, "destinations");
        if (list >= 0 && destination < form_elements(&inner, (size_t)list)) {
            struct form innermost = form_of_element(&inner, (size_t)list, destination);
            edit_group(&editor, &innermost);
        }
    }
    end(&editor);
}
