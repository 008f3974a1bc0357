/* A pack in C that uses every function and every code of the header once, and says what it saw. The test beside it
 * compiles it as it is, and with one thing wrong (-DBAD_…). */
#include "harness_pack.h"

#include <string.h>

HARNESS_MANIFEST("pack.toml");

#ifndef BAD_VERSION
#define BAD_VERSION HARNESS_C_VERSION
#endif
#ifndef BAD_SIZE
#define BAD_SIZE sizeof(harness_c_pack)
#endif
#ifndef BAD_DESTROY
#define BAD_DESTROY destroy
#endif

#ifdef BAD_START
#include <sys/socket.h>
/* Does harm before anybody has called it. */
__attribute__((constructor)) static void start(void)
{
    (void)socket(AF_INET, SOCK_STREAM, 0);
}
#endif

static int instance;
static char mode;

static void *create(harness_text module, const harness_config *config)
{
    (void)module;
    if (config->size != sizeof(harness_config) || !HARNESS_HAS(config, harness_config, fail)) {
        config->fail(config, HARNESS_FAULT, HARNESS_LITERAL("harness_config is not what the header says"));
        return NULL;
    }
    harness_text text = config->text(config, HARNESS_LITERAL("mode"));
    mode = text.length > 0 ? text.data[0] : 0;
    if (mode == 'n')
        return NULL;
    double third = config->number(config, HARNESS_LITERAL("third"));
    uint32_t yes = config->boolean(config, HARNESS_LITERAL("yes"));
    harness_text list = config->json(config, HARNESS_LITERAL("list"));
    if (third != 0.5 || yes != 1 || list.length != 3 || memcmp(list.data, "[1]", 3) != 0)
        config->fail(config, HARNESS_CONFIG, HARNESS_LITERAL("the fields were not read as they are"));
    return &instance;
}

static void note(const harness_context *context, const char *key, harness_text value)
{
    context->decide(context, HARNESS_ANNOTATE, (harness_text){key, strlen(key)}, value);
}

static void number(const harness_context *context, const char *key, uint32_t code)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t value = context->number(context, code);
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    note(context, key, (harness_text){digits + at, sizeof digits - at});
}

#define READ(code) note(context, #code, context->text(context, HARNESS_##code, none))
#define NUMBER(code) number(context, #code, HARNESS_##code)

static uint32_t everything(const harness_context *context)
{
    harness_text none = {NULL, 0};
    READ(EPISODE);
    READ(SYSTEM);
    READ(TOOLS);
    READ(VISIBLE_TOOLS);
    READ(OBSERVATION);
    READ(CONSTRAINT);
    READ(SAMPLING);
    READ(RESPONSE);
    READ(RESPONSE_TEXT);
    READ(CALL_ID);
    READ(CALL_NAME);
    READ(CALL_ARGUMENTS);
    READ(RESULT);
    READ(RESULT_TEXT);
    READ(OUTCOME);
    context->put(context, HARNESS_LITERAL("key"), HARNESS_LITERAL("value"));
    note(context, "STATE", context->text(context, HARNESS_STATE, HARNESS_LITERAL("key")));
    note(context, "MODEL", context->text(context, HARNESS_MODEL, HARNESS_LITERAL("main")));
    NUMBER(STEP);
    NUMBER(SEED);
    NUMBER(HISTORY_LENGTH);
    NUMBER(STEPS_LEFT);
    NUMBER(TOKENS_LEFT);
    NUMBER(MILLIS_LEFT);
    NUMBER(COST_LEFT);
    NUMBER(IS_CANCELLED);
    note(context, "MESSAGE_ROLE", context->message(context, 0, HARNESS_MESSAGE_ROLE));
    note(context, "MESSAGE_TEXT", context->message(context, 0, HARNESS_MESSAGE_TEXT));
    note(context, "MESSAGE", context->message(context, 0, HARNESS_MESSAGE));
    /* What is not there, and what this host does not know. */
    note(context, "no message", context->message(context, 1000, HARNESS_MESSAGE_TEXT));
    note(context, "new part", context->message(context, 0, 99));
    note(context, "new read", context->text(context, 99, none));
    number(context, "new number", 99);
    context->log(context, 6, HARNESS_LITERAL("a line"));
    return HARNESS_OK;
}

#define MESSAGE "{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"text\":\"m\"}]}"
#define DECIDE(code, first, second)                                                                        \
    do {                                                                                                   \
        uint32_t error = context->decide(context, code, HARNESS_LITERAL(first), HARNESS_LITERAL(second)); \
        if (error != HARNESS_OK)                                                                           \
            return error;                                                                                  \
    } while (0)

static uint32_t decisions(const harness_context *context)
{
    DECIDE(HARNESS_SET_SYSTEM, "a", "");
    DECIDE(HARNESS_EDIT_HISTORY, "[{\"start\":1,\"end\":2,\"with\":[" MESSAGE "]}]", "");
    DECIDE(HARNESS_SET_LAST_USER, "b", "");
    DECIDE(HARNESS_APPEND_USER, "c", "");
    DECIDE(HARNESS_SHOW_TOOLS, "[\"d\"]", "");
    DECIDE(HARNESS_CONSTRAIN, "{\"type\":\"free\"}", "");
    DECIDE(HARNESS_USE_MODEL, "e", "");
    DECIDE(HARNESS_SAMPLE, "{}", "");
    DECIDE(HARNESS_SET_RESPONSE, MESSAGE, "");
    DECIDE(HARNESS_SET_ARGUMENTS, "{}", "");
    DECIDE(HARNESS_SET_RESULT, "f", "");
    DECIDE(HARNESS_SET_FAILURE, "g", "");
    DECIDE(HARNESS_SPLIT, "[" MESSAGE "," MESSAGE "]", "");
    DECIDE(HARNESS_ANSWER, MESSAGE, "");
    DECIDE(HARNESS_INTERRUPT, "h", "");
    DECIDE(HARNESS_ADAPT, "i", "");
    DECIDE(HARNESS_ANNOTATE, "j", "1");
    return HARNESS_OK;
}

static uint32_t on(void *self, uint32_t hook, const harness_context *context)
{
    harness_text none = {NULL, 0}, broken = {"\xff\xfe", 2};
    (void)hook;
    if (self != &instance || context->size != sizeof(harness_context) ||
        !HARNESS_HAS(context, harness_context, fail)) {
        context->fail(context, HARNESS_FAULT, HARNESS_LITERAL("harness_context is not what the header says"));
        return HARNESS_FAULT;
    }
    switch (mode) {
    case 'r':
        return everything(context);
    case 'd':
        return decisions(context);
    case 'u': /* a decision newer than the host */
        return context->decide(context, 99, none, none);
    case 'j': /* no JSON */
        return context->decide(context, HARNESS_SET_RESPONSE, HARNESS_LITERAL("no JSON"), none);
    case 'b': /* no UTF-8 */
        return context->decide(context, HARNESS_SET_SYSTEM, broken, none);
    case 'l': /* no length that could be */
        return context->decide(context, HARNESS_SET_SYSTEM, (harness_text){"a", (size_t)-1}, none);
    case 's': /* says why, and then that all is well */
        context->fail(context, HARNESS_UNAVAILABLE, HARNESS_LITERAL("not today"));
        return HARNESS_OK;
    case 'q': /* fails and does not say why */
        return HARNESS_TIMEOUT;
    default:
        return HARNESS_OK;
    }
}

static void destroy(void *self)
{
    (void)self;
}

const harness_c_pack harness_c_pack_1 = {
    .version = BAD_VERSION,
    .size = BAD_SIZE,
    .processor_create = create,
    .processor_on = on,
    .processor_destroy = BAD_DESTROY,
};
