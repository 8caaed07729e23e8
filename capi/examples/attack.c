/* Attacks images in a file and prints what came of it.
 *
 *     attack WEIGHTS IMAGES NxCxHxW TARGET ATTACK [NAME=VALUE ...]
 *
 * IMAGES holds floats from 0 to 1, TARGET class indices of the images' size, a byte each; or TARGET is a text such as
 * scale:1.5, or - for an attack with untargeted=on that leads away from what the network predicts.
 */
#include <asma.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(const char *what) {
    fprintf(stderr, "attack: %s: %s\n", what, asma_last_error());
    return 1;
}

/* The first `length` bytes of a file, or NULL. */
static void *contents(const char *path, size_t length) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    void *bytes = malloc(length ? length : 1);
    if (bytes != NULL && fread(bytes, 1, length, file) != length) {
        free(bytes);
        bytes = NULL;
    }
    fclose(file);
    return bytes;
}

/* A number that follows from every bit of the values (FNV-1a), to compare them with those of another program. */
static uint64_t hash(const float *values, size_t count) {
    const unsigned char *bytes = (const unsigned char *)values;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t place = 0; place < count * sizeof *values; place++)
        hash = (hash ^ bytes[place]) * 0x100000001b3u;
    return hash;
}

static bool tell(void *user, const asma_progress_row *rows, size_t count) {
    (void)user;
    for (size_t place = 0; place < count; place++)
        fprintf(stderr, "image %zu: %" PRIu32 " of %" PRIu32 ", IoU %.3f, L2 %.3f\n", rows[place].image,
                rows[place].iterations, rows[place].limit, rows[place].iou, rows[place].l2);
    return false;
}

static void print_scores(size_t image, const char *name, asma_scores scores) {
    printf("scores,%zu,%s,%.9g,%.9g,%.9g,%.9g\n", image, name, scores.iou, scores.pixel_accuracy, scores.l2, scores.linf);
}

/* What came of one image, as lines of numbers. */
static int print_image(const asma_result *result, size_t image) {
    asma_image_scores scores;
    size_t length;
    if (asma_result_scores(result, image, &scores) || asma_result_trace_length(result, image, &length))
        return failed("result");
    print_scores(image, "before", scores.before);
    print_scores(image, "last", scores.last);
    print_scores(image, "best", scores.best);
    print_scores(image, "adversarial", scores.adversarial);
    print_scores(image, "rounded", scores.rounded);
    printf("iterations,%zu,%" PRIu32 ",%" PRIu32 ",%d\n", image, scores.iterations, scores.best_iteration, scores.stop);
    asma_trace_row *rows = calloc(length ? length : 1, sizeof *rows);
    if (rows == NULL || asma_result_trace(result, image, rows, length)) {
        free(rows);
        return failed("trace");
    }
    for (size_t place = 0; place < length; place++)
        printf("trace,%zu,%" PRIu32 ",%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g\n", image, rows[place].iteration, rows[place].iou,
               rows[place].pixel_accuracy, rows[place].l2, rows[place].linf, rows[place].step, rows[place].loss,
               rows[place].success_rate);
    free(rows);
    return 0;
}

int main(int count, char **arguments) {
    asma_shape shape;
    if (count < 6 ||
        sscanf(arguments[3], "%zux%zux%zux%zu", &shape.n, &shape.c, &shape.h, &shape.w) != 4) {
        fprintf(stderr, "usage: attack WEIGHTS IMAGES NxCxHxW TARGET ATTACK [NAME=VALUE ...]\n");
        return 2;
    }
    size_t elements = shape.n * shape.c * shape.h * shape.w, pixels = shape.n * shape.h * shape.w;
    float *images = contents(arguments[2], elements * sizeof *images);
    if (images == NULL) {
        fprintf(stderr, "attack: %s cannot be read, or is shorter than %s\n", arguments[2], arguments[3]);
        return 1;
    }
    uint8_t *targets = strcmp(arguments[4], "-") ? contents(arguments[4], pixels) : NULL;
    asma_attack_request request = {0};
    request.attack = arguments[5];
    request.options = (const char *const *)(arguments + 6);
    request.option_count = (size_t)(count - 6);
    request.images = images;
    request.shape = shape;
    if (targets != NULL) {
        request.targets = targets;
        request.targets_length = pixels;
    } else if (strcmp(arguments[4], "-")) {
        request.target = arguments[4];
    }
    request.progress = tell;

    asma_model *model = NULL;
    asma_result *result = NULL;
    int status = 0;
    if (asma_model_open(arguments[1], "cpu", NULL, 0, &model))
        status = failed("network");
    else if (asma_attack(model, &request, &result))
        status = failed("attack");
    for (size_t image = 0; status == 0 && image < asma_result_count(result); image++)
        status = print_image(result, image);
    float *adversarial = malloc(elements * sizeof *adversarial);
    if (status == 0 && (adversarial == NULL || asma_result_adversarial(result, adversarial, elements)))
        status = failed("adversarial images");
    for (size_t image = 0; status == 0 && image < shape.n; image++) {
        size_t one = elements / shape.n;
        printf("hash,%zu,%016" PRIx64 "\n", image, hash(adversarial + image * one, one));
    }
    free(adversarial);
    asma_result_free(result);
    asma_model_free(model);
    free(targets);
    free(images);
    return status;
}
