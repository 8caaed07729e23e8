/* The border: null pointers, wrong lengths, options that cannot be, messages, a network freed while it runs, flat memory.
 *
 *     border WEIGHTS [ATTACKS]
 */
#include <asma.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 32, COLUMNS = 32, IMAGES = 2, PIXELS = IMAGES * ROWS * COLUMNS, ELEMENTS = 3 * PIXELS };

static const asma_shape SHAPE = {IMAGES, 3, ROWS, COLUMNS};
static float images[ELEMENTS];
static int failures = 0;

static void expect(int is_so, const char *what) {
    if (!is_so) {
        fprintf(stderr, "not so: %s (the last error: %s)\n", what, asma_last_error());
        failures++;
    }
}

#define EXPECT(is_so) expect((is_so) != 0, #is_so)
/* A call that must fail with this status, and a message that has these words. */
#define REFUSED(call, status, words) \
    do { \
        EXPECT((call) == (status)); \
        EXPECT(strstr(asma_last_error(), words) != NULL); \
    } while (0)

static asma_attack_request request_of(const char *const *options, size_t count) {
    asma_attack_request request = {0};
    request.attack = "pgd";
    request.options = options;
    request.option_count = count;
    request.images = images;
    request.shape = SHAPE;
    return request;
}

static void opening(const char *weights) {
    asma_model *model = (asma_model *)&failures;
    const char *odd[] = {"mean"}, *unknown[] = {"colour=red"}, *null[] = {NULL};
    REFUSED(asma_model_open(NULL, "cpu", NULL, 0, &model), ASMA_NULL, "path is null");
    EXPECT(model == NULL);
    REFUSED(asma_model_open(weights, NULL, NULL, 0, &model), ASMA_NULL, "device is null");
    REFUSED(asma_model_open(weights, "cpu", NULL, 0, NULL), ASMA_NULL, "model is null");
    REFUSED(asma_model_open(weights, "cpu", NULL, 2, &model), ASMA_NULL, "options is null");
    REFUSED(asma_model_open(weights, "cpu", null, 1, &model), ASMA_NULL, "an option is null");
    REFUSED(asma_model_open(weights, "cpu", odd, 1, &model), ASMA_USAGE, "name=value");
    REFUSED(asma_model_open(weights, "cpu", unknown, 1, &model), ASMA_USAGE, "no option `colour`");
    REFUSED(asma_model_open("nowhere.onnx", "cpu", NULL, 0, &model), ASMA_FILE, "nowhere.onnx");
    REFUSED(asma_model_open("\xff\xfe", "cpu", NULL, 0, &model), ASMA_USAGE, "UTF-8");
    REFUSED(asma_model_open(weights, "no such device", NULL, 0, &model), ASMA_DEVICE, "no such device");
    asma_model_free(NULL);
    asma_result_free(NULL);
    EXPECT(asma_model_channels(NULL) == 0 && asma_model_classes(NULL) == 0 && asma_result_count(NULL) == 0);
    EXPECT(strlen(asma_version()) >= 5);
}

static void running(const asma_model *model) {
    uint8_t labels[PIXELS];
    static float logits[2 * PIXELS], gradient[ELEMENTS];
    asma_shape output, none = {0, 3, ROWS, COLUMNS}, grey = {IMAGES, 1, ROWS, COLUMNS};
    asma_shape huge = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
    EXPECT(asma_model_channels(model) == 3 && asma_model_classes(model) == 2);
    EXPECT(asma_model_output_shape(model, SHAPE, &output) == ASMA_OK);
    EXPECT(output.n == IMAGES && output.c == 2 && output.h == ROWS && output.w == COLUMNS);
    EXPECT(asma_predict(model, images, SHAPE, labels, PIXELS) == ASMA_OK);
    EXPECT(asma_logits(model, images, SHAPE, logits, 2 * PIXELS) == ASMA_OK);
    EXPECT(labels[0] == (logits[ROWS * COLUMNS] > logits[0]));
    EXPECT(asma_input_gradient(model, images, SHAPE, logits, 2 * PIXELS, gradient, ELEMENTS) == ASMA_OK);

    REFUSED(asma_model_output_shape(model, SHAPE, NULL), ASMA_NULL, "logits is null");
    REFUSED(asma_model_output_shape(NULL, SHAPE, &output), ASMA_NULL, "model is null");
    REFUSED(asma_model_output_shape(model, grey, &output), ASMA_USAGE, "channels");
    REFUSED(asma_predict(NULL, images, SHAPE, labels, PIXELS), ASMA_NULL, "model is null");
    REFUSED(asma_predict(model, NULL, SHAPE, labels, PIXELS), ASMA_NULL, "images is null");
    REFUSED(asma_predict(model, images, SHAPE, NULL, PIXELS), ASMA_NULL, "labels is null");
    REFUSED(asma_predict(model, images, SHAPE, labels, PIXELS - 1), ASMA_LENGTH, "2047 elements; want 2048");
    REFUSED(asma_predict(model, images, none, labels, 0), ASMA_USAGE, "0 images");
    REFUSED(asma_predict(model, images, huge, labels, PIXELS), ASMA_USAGE, "cannot hold");
    REFUSED(asma_logits(model, images, SHAPE, logits, PIXELS), ASMA_LENGTH, "want 4096");
    REFUSED(asma_logits(model, (const float *)((const char *)images + 1), SHAPE, logits, 2 * PIXELS), ASMA_USAGE, "multiple of 4");
    REFUSED(asma_logits(model, images, SHAPE, (float *)((char *)logits + 2), 2 * PIXELS), ASMA_USAGE, "multiple of 4");
    REFUSED(asma_input_gradient(model, images, SHAPE, NULL, 2 * PIXELS, gradient, ELEMENTS), ASMA_NULL, "seed is null");
    REFUSED(asma_input_gradient(model, images, SHAPE, logits, PIXELS, gradient, ELEMENTS), ASMA_LENGTH, "seed");
    REFUSED(asma_input_gradient(model, images, SHAPE, logits, 2 * PIXELS, gradient, 1), ASMA_LENGTH, "gradient");
    images[7] = NAN;
    REFUSED(asma_predict(model, images, SHAPE, labels, PIXELS), ASMA_USAGE, "NaN");
    images[7] = 2.0f;
    REFUSED(asma_predict(model, images, SHAPE, labels, PIXELS), ASMA_USAGE, "between 0 and 1");
    images[7] = 0.5f;
}

static bool stops(void *user, const asma_progress_row *rows, size_t count) {
    *(size_t *)user += count;
    return rows[0].iterations >= 3;
}

static void attacking(const asma_model *model) {
    const char *options[] = {"untargeted=on", "steps=40", "eps=8/255"};
    const char *targeted[] = {"steps=2"}, *odd[] = {"epsilon=1"}, *idle[] = {"tau=1"};
    uint8_t targets[PIXELS] = {0}, region[ROWS * COLUMNS] = {0};
    float adversarial[ELEMENTS];
    asma_result *result = NULL;
    size_t told = 0, length = 0;
    asma_attack_request request = request_of(options, 3);
    request.progress = stops;
    request.user = &told;
    EXPECT(asma_attack(model, &request, &result) == ASMA_OK);
    EXPECT(told >= IMAGES && asma_result_count(result) == IMAGES);
    asma_image_scores scores;
    EXPECT(asma_result_scores(result, 1, &scores) == ASMA_OK);
    EXPECT(scores.stop == ASMA_STOP_INTERRUPTED && scores.iterations >= 3 && scores.adversarial.linf > 0);
    EXPECT(asma_result_trace_length(result, 1, &length) == ASMA_OK && length == scores.iterations);
    asma_trace_row rows[64];
    EXPECT(length <= 64 && asma_result_trace(result, 1, rows, length) == ASMA_OK);
    EXPECT(rows[length - 1].iteration == length - 1 && rows[0].l2 == 0 && rows[1].l2 > 0);
    EXPECT(asma_result_adversarial(result, adversarial, ELEMENTS) == ASMA_OK);
    float largest = 0;
    for (size_t place = ELEMENTS / 2; place < ELEMENTS; place++)
        largest = fmaxf(largest, fabsf(adversarial[place] - images[place]));
    EXPECT(largest == scores.adversarial.linf);
    EXPECT(asma_result_rounded(result, adversarial, ELEMENTS) == ASMA_OK);
    EXPECT(fabsf(adversarial[5] * 255 - roundf(adversarial[5] * 255)) < 1e-3f);
    uint8_t labels[PIXELS];
    EXPECT(asma_result_predictions(result, labels, PIXELS) == ASMA_OK);
    EXPECT(asma_result_summary(result, 0, NULL, 0, &length) == ASMA_OK && length > 100);
    char *text = malloc(length + 1);
    EXPECT(asma_result_summary(result, 0, text, length + 1, &length) == ASMA_OK && strlen(text) == length);
    EXPECT(strstr(text, "\"attack\":\"pgd\"") != NULL);
    REFUSED(asma_result_summary(result, 0, text, length, &length), ASMA_LENGTH, "text");
    free(text);
    REFUSED(asma_result_scores(result, IMAGES, &scores), ASMA_USAGE, "no image 2");
    REFUSED(asma_result_scores(NULL, 0, &scores), ASMA_NULL, "result is null");
    REFUSED(asma_result_scores(result, 0, NULL), ASMA_NULL, "scores is null");
    REFUSED(asma_result_trace(result, 0, rows, 1), ASMA_LENGTH, "rows");
    REFUSED(asma_result_adversarial(result, adversarial, 1), ASMA_LENGTH, "images");
    REFUSED(asma_result_adversarial(result, NULL, ELEMENTS), ASMA_NULL, "images is null");
    asma_result_free(result);

    REFUSED(asma_attack(model, NULL, &result), ASMA_NULL, "request is null");
    EXPECT(result == NULL);
    REFUSED(asma_attack(NULL, &request, &result), ASMA_NULL, "model is null");
    REFUSED(asma_attack(model, &request, NULL), ASMA_NULL, "result is null");
    request = request_of(odd, 1);
    REFUSED(asma_attack(model, &request, &result), ASMA_USAGE, "no option `epsilon`");
    request = request_of(idle, 1);
    REFUSED(asma_attack(model, &request, &result), ASMA_USAGE, "`tau` is an option of asma");
    request = request_of(targeted, 1);
    REFUSED(asma_attack(model, &request, &result), ASMA_USAGE, "untargeted=on");
    request.target = "scale:0";
    REFUSED(asma_attack(model, &request, &result), ASMA_USAGE, "scale");
    request.target = "scale:2";
    request.targets = targets;
    request.targets_length = PIXELS;
    REFUSED(asma_attack(model, &request, &result), ASMA_USAGE, "leave one of them out");
    request.target = NULL;
    request.targets_length = 5;
    REFUSED(asma_attack(model, &request, &result), ASMA_LENGTH, "targets holds 5");
    request.targets = NULL;
    request.targets_length = PIXELS;
    REFUSED(asma_attack(model, &request, &result), ASMA_NULL, "targets is null");
    memset(targets, 7, PIXELS);
    request.targets = targets;
    REFUSED(asma_attack(model, &request, &result), ASMA_USAGE, "class 7");
    memset(targets, 1, PIXELS);
    request.region = region;
    request.region_length = 3;
    REFUSED(asma_attack(model, &request, &result), ASMA_LENGTH, "region holds 3");
    request.region_length = sizeof region;
    EXPECT(asma_attack(model, &request, &result) != ASMA_OK);
    region[0] = 1;
    EXPECT(asma_attack(model, &request, &result) == ASMA_OK);
    EXPECT(asma_result_adversarial(result, adversarial, ELEMENTS) == ASMA_OK);
    EXPECT(memcmp(adversarial + 1, images + 1, (ROWS * COLUMNS - 1) * sizeof(float)) == 0);
    asma_result_free(result);
    request.attack = "carlini";
    REFUSED(asma_attack(model, &request, &result), ASMA_USAGE, "want one of");
    request.attack = NULL;
    REFUSED(asma_attack(model, &request, &result), ASMA_NULL, "attack is null");
}

/* Other threads have messages of their own. */
static void *another(void *unused) {
    (void)unused;
    EXPECT(strlen(asma_last_error()) == 0);
    return NULL;
}

static bool frees(void *user, const asma_progress_row *rows, size_t count) {
    (void)rows, (void)count;
    asma_model **model = user;
    asma_model_free(*model);
    *model = NULL;
    return false;
}

/* A network that is freed while it runs runs on to the end. */
static void freeing(const char *weights) {
    const char *options[] = {"untargeted=on", "steps=3"};
    asma_model *model = NULL;
    asma_result *result = NULL;
    EXPECT(asma_model_open(weights, "cpu", NULL, 0, &model) == ASMA_OK);
    asma_attack_request request = request_of(options, 2);
    request.progress = frees;
    request.user = &model;
    EXPECT(asma_attack(model, &request, &result) == ASMA_OK && model == NULL);
    asma_image_scores scores;
    EXPECT(asma_result_scores(result, 0, &scores) == ASMA_OK && scores.iterations == 4);
    asma_result_free(result);
}

/* Bytes in memory, 0 where the system does not tell. */
static long used(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    fclose(file);
    return pages * 4096;
}

static void flat(const asma_model *model, long attacks) {
    const char *options[] = {"untargeted=on", "steps=1"};
    long before = 0;
    for (long number = 0; number < attacks; number++) {
        asma_result *result = NULL;
        asma_attack_request request = request_of(options, 2);
        EXPECT(asma_attack(model, &request, &result) == ASMA_OK);
        asma_result_free(result);
        if (number == attacks / 4) before = used();
    }
    long grown = used() - before;
    printf("%ld attacks: %.1f MB, grown by %.2f MB in the last three quarters\n", attacks, used() / 1e6, grown / 1e6);
    /* Fewer are those that fill what is kept. */
    EXPECT(attacks < 40 || grown < 4000000);
}

int main(int count, char **arguments) {
    if (count < 2) {
        fprintf(stderr, "usage: border WEIGHTS [ATTACKS]\n");
        return 2;
    }
    for (size_t place = 0; place < ELEMENTS; place++) images[place] = (float)(place * 2654435761u % 1000) / 999;
    asma_model *model = NULL;
    EXPECT(strlen(asma_last_error()) == 0);
    opening(arguments[1]);
    EXPECT(asma_model_open(arguments[1], "cpu", NULL, 0, &model) == ASMA_OK);
    running(model);
    attacking(model);
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, another, NULL) == 0 && pthread_join(thread, NULL) == 0);
    freeing(arguments[1]);
    flat(model, count > 2 ? atol(arguments[2]) : 40);
    asma_model_free(model);
    printf("%d expectations failed\n", failures);
    return failures != 0;
}
