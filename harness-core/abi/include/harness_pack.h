/* The plugin ABI in C: what a module pack needs to offer processors without Rust.
 *
 * A pack is a shared library with two things in it: its manifest in the section `.harness.manifest`, which
 * HARNESS_MANIFEST("pack.toml") puts there, and the symbol `harness_c_pack_1`, a table of functions. Nothing is linked
 * against; everything a module may do it does through the pointers it is given.
 *
 * Growth. Structures are only appended to: each begins with its size in bytes as the side that made it knows it, and
 * what lies beyond that size is not there. Codes are only added: a code the other side does not know reads as an empty
 * text or as 0, and is answered with HARNESS_UNSUPPORTED by `decide`. Should this ever not be enough, the symbol gets
 * another number, and hosts look for both.
 *
 * Rules. Texts are UTF-8 with a length and no closing NUL. What a function of the context or of the configuration
 * returns is valid until the call it was given to returns; what is passed to one is copied before it returns. One
 * instance serves one episode and is called by one thread at a time, not always the same. No exception and no longjmp
 * may leave a function of a pack. A pack does not keep a context or a configuration.
 */
#ifndef HARNESS_PACK_H
#define HARNESS_PACK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the table; part of the symbol's name. */
#define HARNESS_C_VERSION 1u

typedef struct harness_text {
    const char *data;
    size_t length;
} harness_text;

/* What went wrong; 0 is nothing. */
enum harness_error {
    HARNESS_OK = 0,
    HARNESS_FAULT = 1,        /* a bug of the module */
    HARNESS_CONFIG = 2,       /* its configuration is wrong */
    HARNESS_INPUT = 3,        /* what it was given is wrong */
    HARNESS_UNAVAILABLE = 4,  /* something it needs is not there now */
    HARNESS_RATE_LIMITED = 5,
    HARNESS_TIMEOUT = 6,
    HARNESS_UNSUPPORTED = 7,  /* it cannot do this at all */
    HARNESS_CANCELLED = 8     /* the host asked it to stop */
};

/* The points of an episode at which a processor is called: those its manifest names. */
enum harness_hook {
    HARNESS_TASK_START = 0,
    HARNESS_STEP_START = 1,
    HARNESS_BEFORE_MODEL = 2,
    HARNESS_AFTER_MODEL = 3,
    HARNESS_BEFORE_TOOL = 4,
    HARNESS_AFTER_TOOL = 5,
    HARNESS_STEP_END = 6,
    HARNESS_TASK_END = 7
};

/* What `text` of a context reads. Empty where there is none. */
enum harness_read {
    HARNESS_EPISODE = 0,         /* the episode's identity */
    HARNESS_SYSTEM = 1,          /* the system prompt */
    HARNESS_TOOLS = 2,           /* all tools on offer: a JSON array */
    HARNESS_VISIBLE_TOOLS = 3,   /* names the model will see: a JSON array */
    HARNESS_OBSERVATION = 4,     /* the environment's last observation: JSON */
    HARNESS_CONSTRAINT = 5,      /* what the reply must look like: JSON */
    HARNESS_SAMPLING = 6,        /* how tokens are drawn: JSON */
    HARNESS_RESPONSE = 7,        /* the model's response: the JSON of a message (after_model) */
    HARNESS_RESPONSE_TEXT = 8,   /* its text (after_model) */
    HARNESS_CALL_ID = 9,         /* the tool call (before_tool, after_tool) */
    HARNESS_CALL_NAME = 10,
    HARNESS_CALL_ARGUMENTS = 11, /* JSON */
    HARNESS_RESULT = 12,         /* the tool's result: the JSON of a message (after_tool) */
    HARNESS_RESULT_TEXT = 13,    /* its text (after_tool) */
    HARNESS_OUTCOME = 14,        /* why the episode ended (task_end) */
    HARNESS_STATE = 15,          /* the episode's shared state under `key` */
    HARNESS_MODEL = 16           /* what the model of the role `key` says of itself: JSON */
};

/* What `number` of a context reads. A budget without a limit is UINT64_MAX. */
enum harness_number {
    HARNESS_STEP = 0,
    HARNESS_SEED = 1, /* of this module in this step: the only randomness it may use */
    HARNESS_HISTORY_LENGTH = 2,
    HARNESS_STEPS_LEFT = 3, /* the present one included */
    HARNESS_TOKENS_LEFT = 4,
    HARNESS_MILLIS_LEFT = 5,
    HARNESS_COST_LEFT = 6, /* millionths of a US dollar */
    HARNESS_IS_CANCELLED = 7
};

/* What `message` of a context reads of a message of the history. */
enum harness_part {
    HARNESS_MESSAGE_ROLE = 0, /* system, user, assistant, tool */
    HARNESS_MESSAGE_TEXT = 1,
    HARNESS_MESSAGE = 2       /* the whole as JSON */
};

/* What `decide` of a context takes. Which hook allows what: the table in docs/packs.md. */
enum harness_decision {
    HARNESS_SET_SYSTEM = 0,    /* text */
    HARNESS_EDIT_HISTORY = 1,  /* JSON: [{"start": 0, "end": 1, "with": [message]}] */
    HARNESS_SET_LAST_USER = 2, /* text */
    HARNESS_APPEND_USER = 3,   /* text */
    HARNESS_SHOW_TOOLS = 4,    /* JSON array of names */
    HARNESS_CONSTRAIN = 5,     /* JSON */
    HARNESS_USE_MODEL = 6,     /* role */
    HARNESS_SAMPLE = 7,        /* JSON */
    HARNESS_SET_RESPONSE = 8,  /* JSON of a message */
    HARNESS_SET_ARGUMENTS = 9, /* JSON object */
    HARNESS_SET_RESULT = 10,   /* text */
    HARNESS_SET_FAILURE = 11,  /* text of a result that reports failure */
    HARNESS_SPLIT = 12,        /* JSON array of messages */
    HARNESS_ANSWER = 13,       /* JSON of a message, in place of the model's or the tool's */
    HARNESS_INTERRUPT = 14,    /* reason */
    HARNESS_ADAPT = 15,        /* signal */
    HARNESS_ANNOTATE = 16      /* key, JSON */
};

/* A module's configuration, complete with the defaults of its manifest. */
typedef struct harness_config {
    uint32_t size;
    const void *host;
    /* A field. One of another type than the function's, or one that is not there, fails the creation. */
    harness_text (*text)(const struct harness_config *config, harness_text key);
    double (*number)(const struct harness_config *config, harness_text key);
    uint32_t (*boolean)(const struct harness_config *config, harness_text key);
    /* A field of any type as JSON; empty when it is not there. */
    harness_text (*json)(const struct harness_config *config, harness_text key);
    /* Says why `create` is about to return NULL. */
    void (*fail)(const struct harness_config *config, uint32_t error, harness_text message);
} harness_config;

/* The running episode at a hook. */
typedef struct harness_context {
    uint32_t size;
    const void *host;
    harness_text (*text)(const struct harness_context *context, uint32_t read, harness_text key);
    uint64_t (*number)(const struct harness_context *context, uint32_t number);
    harness_text (*message)(const struct harness_context *context, uint64_t index, uint32_t part);
    /* Adds a decision; none at all is to let things pass. Gives 0, HARNESS_UNSUPPORTED or HARNESS_INPUT. */
    uint32_t (*decide)(const struct harness_context *context, uint32_t decision, harness_text first,
                       harness_text second);
    /* Writes the episode's shared state. */
    void (*put)(const struct harness_context *context, harness_text key, harness_text value);
    /* A line for the log; levels as in syslog (3 error, 4 warning, 6 info, 7 debug). */
    void (*log)(const struct harness_context *context, uint8_t level, harness_text line);
    /* Says why `on` is about to return something else than 0. */
    void (*fail)(const struct harness_context *context, uint32_t error, harness_text message);
} harness_context;

/* What a pack exports. */
typedef struct harness_c_pack {
    uint32_t version; /* HARNESS_C_VERSION */
    uint32_t size;    /* sizeof(harness_c_pack) */
    /* Makes an instance of the processor `module`; NULL when it cannot. */
    void *(*processor_create)(harness_text module, const harness_config *config);
    /* Answers a hook: 0, or what went wrong. */
    uint32_t (*processor_on)(void *instance, uint32_t hook, const harness_context *context);
    void (*processor_destroy)(void *instance);
} harness_c_pack;

extern const harness_c_pack harness_c_pack_1;

/* Whether a structure is large enough to hold `field`: for fields that later versions of this header append. */
#define HARNESS_HAS(pointer, type, field) \
    ((pointer)->size >= offsetof(type, field) + sizeof(((type *)0)->field))

/* A text out of a literal. */
#define HARNESS_LITERAL(literal) ((harness_text){(literal), sizeof(literal) - 1})

/* Embeds the manifest, byte for byte, where it is read without running the pack. The path is the assembler's: relative
 * to where the compiler runs, or to a folder given with -Wa,-I. */
#define HARNESS_MANIFEST(path)                            \
    __asm__(".pushsection .harness.manifest, \"aR\"\n"    \
            ".incbin \"" path "\"\n"                      \
            ".popsection\n")

#ifdef __cplusplus
}
#endif

#endif
