/* The smallest module pack in C: a processor that tells the model when few steps are left.
 *
 *   cc -std=c11 -shared -fPIC -O2 -fvisibility=hidden -I ../../harness-core/abi/include hello.c -o hello-c.so
 */
#include "harness_pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

HARNESS_MANIFEST("pack.toml");

struct last_steps {
    uint64_t when;
    unsigned told;
    size_t length;
    char text[];
};

static void *create(harness_text module, const harness_config *config)
{
    static const char name[] = "last_steps";
    if (module.length != sizeof name - 1 || memcmp(module.data, name, module.length) != 0) {
        config->fail(config, HARNESS_CONFIG, HARNESS_LITERAL("this pack has one module, last_steps"));
        return NULL;
    }
    harness_text text = config->text(config, HARNESS_LITERAL("text"));
    double when = config->number(config, HARNESS_LITERAL("when"));
    if (!(when >= 1 && when <= 100)) {
        config->fail(config, HARNESS_CONFIG, HARNESS_LITERAL("`when` must be from 1 to 100"));
        return NULL;
    }
    /* The text is the host's and gone after this call. */
    struct last_steps *self = malloc(sizeof *self + text.length);
    if (self == NULL) {
        config->fail(config, HARNESS_UNAVAILABLE, HARNESS_LITERAL("no memory"));
        return NULL;
    }
    self->when = (uint64_t)when;
    self->told = 0;
    self->length = text.length;
    if (text.length > 0)
        memcpy(self->text, text.data, text.length);
    return self;
}

static uint32_t on(void *instance, uint32_t hook, const harness_context *context)
{
    struct last_steps *self = instance;
    harness_text none = {NULL, 0};
    switch (hook) {
    case HARNESS_BEFORE_MODEL:
        if (context->number(context, HARNESS_STEPS_LEFT) > self->when)
            return HARNESS_OK;
        self->told++;
        return context->decide(context, HARNESS_APPEND_USER, (harness_text){self->text, self->length}, none);
    case HARNESS_TASK_END: {
        char count[16];
        int length = snprintf(count, sizeof count, "%u", self->told);
        return context->decide(context, HARNESS_ANNOTATE, HARNESS_LITERAL("told"),
                               (harness_text){count, (size_t)length});
    }
    default:
        return HARNESS_OK;
    }
}

static void destroy(void *instance)
{
    free(instance);
}

__attribute__((visibility("default"))) const harness_c_pack harness_c_pack_1 = {
    .version = HARNESS_C_VERSION,
    .size = sizeof(harness_c_pack),
    .processor_create = create,
    .processor_on = on,
    .processor_destroy = destroy,
};
