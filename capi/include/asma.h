/* asma for C: attacks on segmentation networks, what they predict and the gradient of their input.
 *
 * Made by cbindgen from capi/src; a test fails where the two differ. Every call gives an asma_status, and asma_last_error()
 * says in one line what was found, what was wanted and what to do. Images are N*C*H*W floats from 0 to 1, densely packed,
 * masks N*H*W class indices (255 is left out of everything). Memory for what comes back is the caller's; handles are freed by
 * the function of their name. Threads may share a model and a result. A process that is forked from one in which asma has
 * computed is refused.
 */

#ifndef ASMA_H
#define ASMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a call came to.
typedef enum asma_status {
  // All is well.
  ASMA_OK = 0,
  // Something was asked for that cannot be: an option, a size, a class out of range.
  ASMA_USAGE = 1,
  // A file could not be read or understood.
  ASMA_FILE = 2,
  // A network that cannot be built, or cannot take images of this size.
  ASMA_NETWORK = 3,
  // A tensor that the device's limits do not allow.
  ASMA_LIMIT = 4,
  // No such device, or the device failed.
  ASMA_DEVICE = 5,
  // Numbers left the finite range.
  ASMA_NOT_FINITE = 6,
  // A pointer that must not be null is.
  ASMA_NULL = 7,
  // A buffer is longer or shorter than what it is for.
  ASMA_LENGTH = 8,
  // A defect of asma; please report it.
  ASMA_DEFECT = 9,
} asma_status;

// Why an attack ended.
typedef enum asma_stop {
  // All iterations were done.
  ASMA_STOP_ITERATIONS = 0,
  // The IoU asked for was reached.
  ASMA_STOP_IOU_REACHED = 1,
  // As many pixels as asked for are as the attack wants them.
  ASMA_STOP_GOAL_REACHED = 2,
  // The best IoU did not grow for as many iterations as asked.
  ASMA_STOP_NO_PROGRESS = 3,
  // The progress function ended it, or its turn did not come by then.
  ASMA_STOP_INTERRUPTED = 4,
  // The network predicts what it shall already.
  ASMA_STOP_NOTHING_TO_ATTACK = 5,
} asma_stop;

// A network on a device. Threads may share it.
typedef struct asma_model asma_model;

// What came of an attack on a batch of images.
typedef struct asma_result asma_result;

// How large a batch of images or of logits is.
typedef struct asma_shape {
  // Images.
  size_t n;
  // Channels.
  size_t c;
  // Rows.
  size_t h;
  // Columns.
  size_t w;
} asma_shape;

// How far the attack on one image is.
typedef struct asma_progress_row {
  // Its number, from 0.
  size_t image;
  // Iterations that were done.
  uint32_t iterations;
  // Most iterations that there will be.
  uint32_t limit;
  // Intersection over union of the prediction with the target (untargeted: with the label).
  float iou;
  // The share of pixels that are predicted as the target (untargeted: the label) has them.
  float pixel_accuracy;
  // The perturbation's L2 over all channels and pixels.
  float l2;
  // Its largest absolute value.
  float linf;
} asma_progress_row;

// Is told after every batch of iterations how far the images are that are under way, in the thread that called asma_attack;
// true ends the attack, and what is done is kept. It must return: no exception, no longjmp.
typedef bool (*asma_progress)(void *user, const struct asma_progress_row *rows, size_t count);

// What is attacked, and how. All zeros and then what is wanted: `asma_attack_request request = {0};`
typedef struct asma_attack_request {
  // The attack's name, such as "asma", "pgd", "segpgd", "cospgd", "apgd", "sea".
  const char *attack;
  // Texts `name=value` as the command line takes them, such as "eps=8/255", "steps=40", "norm=l2", "untargeted=on".
  const char *const *options;
  // How many.
  size_t option_count;
  // The images.
  const float *images;
  // Their shape.
  struct asma_shape shape;
  // What the network shall predict, with "untargeted=on" what it shall no longer: class indices of all images, of the images'
  // size or that of the logits. Null with "untargeted=on" for what it predicts now.
  const uint8_t *targets;
  // How many bytes.
  size_t targets_length;
  // Instead of `targets` a text for all images, made from each prediction: "scale:1.5", "shift:40,-25", "rotate:30",
  // "hide:2->0", "class:0".
  const char *target;
  // 1 where pixels may change: of the images' size, for all of them or for each. Null for everywhere.
  const uint8_t *region;
  // How many bytes.
  size_t region_length;
  // How many images run in step at most; 0 for as many as memory allows.
  size_t together;
  // Is told how far it is; may be null.
  asma_progress progress;
  // Is handed to it.
  void *user;
} asma_attack_request;

// How well an image does.
typedef struct asma_scores {
  // Intersection over union of the prediction with the target (untargeted: with the label), 0 to 1.
  float iou;
  // The share of pixels that are predicted as the target (untargeted: the label) has them, 0 to 1.
  float pixel_accuracy;
  // The perturbation's L2 over all channels and pixels.
  float l2;
  // Its largest absolute value.
  float linf;
} asma_scores;

// What an attack on one image came to.
typedef struct asma_image_scores {
  // Of the adversarial image.
  struct asma_scores adversarial;
  // Of the image as it was given.
  struct asma_scores before;
  // Of the image after the last step.
  struct asma_scores last;
  // Of the best image.
  struct asma_scores best;
  // Of the adversarial image as 8 bits keep it.
  struct asma_scores rounded;
  // Iterations that were done, rows of the trace.
  uint32_t iterations;
  // After how many of them the adversarial image stood.
  uint32_t best_iteration;
  // Why it ended.
  enum asma_stop stop;
  // Wall-clock time in seconds; of images that ran in step a share of it.
  double seconds;
} asma_image_scores;

// How far an attack was after an iteration. Numbers that an attack does not have are NaN.
typedef struct asma_trace_row {
  // The iteration, from 0.
  uint32_t iteration;
  // Intersection over union.
  float iou;
  // Pixel accuracy.
  float pixel_accuracy;
  // L2.
  float l2;
  // L-infinity.
  float linf;
  // Of asma the multiplier of the step; of other attacks the length of the step.
  float step;
  // The loss, of other attacks than asma.
  float loss;
  // The share of pixels that the attack got right, of other attacks than asma.
  float success_rate;
} asma_trace_row;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of asma, such as "0.1.0".
const char *asma_version(void);

// What went wrong in the last call of this thread that failed, in one line of UTF-8; empty if none has. It is valid until
// another call of this thread fails, or the thread ends.
const char *asma_last_error(void);

// Reads a network from a file, told by its content: ONNX, weights of a known U-Net, or what `asma convert` wrote.
//
// `device` is "auto" (a hardware GPU if there is one, else the CPU), "gpu", "cpu", an adapter's number or a part of its name.
// `option_list` has `option_count` texts `name=value` as the command line takes them: padding, output, normalise, mean, std,
// scale, channel-order, bounds, grey; it may be null if there are none. The network is written to `model`, and freed with
// asma_model_free.
//
// # Safety
// Texts end with a zero byte, `option_list` has so many, and `model` can be written to.
enum asma_status asma_model_open(const char *path,
                                 const char *device,
                                 const char *const *option_list,
                                 size_t option_count,
                                 struct asma_model **model);

// Frees a network; null is let be. A progress function may free the network of its own attack, which runs on to its end.
//
// # Safety
// It is null or of `asma_model_open`, and not freed yet; no other thread is in a call on it, but for attacks of which progress
// has been told.
void asma_model_free(struct asma_model *model);

// Channels of the network's images; 0 of null.
//
// # Safety
// It is null or of `asma_model_open`, and not freed yet.
size_t asma_model_channels(const struct asma_model *model);

// Classes that the network tells apart; 0 of null.
//
// # Safety
// It is null or of `asma_model_open`, and not freed yet.
size_t asma_model_classes(const struct asma_model *model);

// The shape of the logits for images of a shape. Predictions have its n*h*w elements.
//
// # Safety
// `model` is of `asma_model_open` and not freed yet; `logits` can be written to.
enum asma_status asma_model_output_shape(const struct asma_model *model,
                                         struct asma_shape shape,
                                         struct asma_shape *logits);

// Writes the class of each pixel to `labels`, whose `length` is n*h*w of the output's shape.
//
// # Safety
// `images` has as many floats as `shape` says, which nobody writes to meanwhile, `labels` so many bytes; `model` is of
// `asma_model_open` and not freed yet.
enum asma_status asma_predict(const struct asma_model *model,
                              const float *images,
                              struct asma_shape shape,
                              uint8_t *labels,
                              size_t length);

// Writes the logits to `logits`, whose `length` is n*c*h*w of the output's shape.
//
// # Safety
// As of `asma_predict`, with floats.
enum asma_status asma_logits(const struct asma_model *model,
                             const float *images,
                             struct asma_shape shape,
                             float *logits,
                             size_t length);

// Writes the gradient of the sum of logits times `seed` for the images to `gradient`. `seed_length` is n*c*h*w of the output's
// shape, `length` that of the images.
//
// # Safety
// As of `asma_logits`; `seed` has so many floats.
enum asma_status asma_input_gradient(const struct asma_model *model,
                                     const float *images,
                                     struct asma_shape shape,
                                     const float *seed,
                                     size_t seed_length,
                                     float *gradient,
                                     size_t length);

// Attacks images; each is an attack of its own. The result is written to `result`, and freed with asma_result_free.
//
// # Safety
// `model` is of `asma_model_open` and not freed yet; the request's buffers are as long as it says, nobody writes to them
// meanwhile, and its texts end with a zero byte; `result` can be written to.
enum asma_status asma_attack(const struct asma_model *model,
                             const struct asma_attack_request *request,
                             struct asma_result **result);

// Frees a result; null is let be.
//
// # Safety
// It is null or of `asma_attack`, and not freed yet.
void asma_result_free(struct asma_result *result);

// How many images it has; 0 of null.
//
// # Safety
// It is null or of `asma_attack`, and not freed yet.
size_t asma_result_count(const struct asma_result *result);

// Writes the adversarial images, all of them, to `images`, whose `length` is that of the images.
//
// # Safety
// `images` has so many floats; `result` is of `asma_attack` and not freed yet.
enum asma_status asma_result_adversarial(const struct asma_result *result,
                                         float *images,
                                         size_t length);

// Writes the same as 8 bits keep them: an adversarial image that dies when it is saved is none.
//
// # Safety
// As of `asma_result_adversarial`.
enum asma_status asma_result_rounded(const struct asma_result *result,
                                     float *images,
                                     size_t length);

// Writes what the network predicts for the adversarial images to `labels`, whose `length` is n*h*w of the output's shape.
//
// # Safety
// `labels` has so many bytes; `result` is of `asma_attack` and not freed yet.
enum asma_status asma_result_predictions(const struct asma_result *result,
                                         uint8_t *labels,
                                         size_t length);

// Writes what the attack on one image came to.
//
// # Safety
// `scores` can be written to; `result` is of `asma_attack` and not freed yet.
enum asma_status asma_result_scores(const struct asma_result *result,
                                    size_t image,
                                    struct asma_image_scores *scores);

// Writes how many rows the trace of one image has.
//
// # Safety
// `length` can be written to; `result` is of `asma_attack` and not freed yet.
enum asma_status asma_result_trace_length(const struct asma_result *result,
                                          size_t image,
                                          size_t *length);

// Writes the trace of one image to `rows`, whose `length` is as asma_result_trace_length says.
//
// # Safety
// `rows` has so many; `result` is of `asma_attack` and not freed yet.
enum asma_status asma_result_trace(const struct asma_result *result,
                                   size_t image,
                                   struct asma_trace_row *rows,
                                   size_t length);

// Writes everything there is to say about the attack on one image, as `summary.json` of the command line has it, to `text`, with
// a zero byte behind it, and its bytes without that to `needed`. `length` is `needed` and 1; with a `length` of 0 nothing is
// written to `text`, which may be null then.
//
// # Safety
// `text` has so many bytes, `needed` can be written to; `result` is of `asma_attack` and not freed yet.
enum asma_status asma_result_summary(const struct asma_result *result,
                                     size_t image,
                                     char *text,
                                     size_t length,
                                     size_t *needed);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ASMA_H */
