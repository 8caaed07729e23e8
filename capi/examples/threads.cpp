// Four threads share one network: each predicts, takes a gradient and attacks an image of its own.
//
//     threads WEIGHTS
#include <asma.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Free {
    void operator()(asma_model *model) const { asma_model_free(model); }
    void operator()(asma_result *result) const { asma_result_free(result); }
};
using Model = std::unique_ptr<asma_model, Free>;
using Result = std::unique_ptr<asma_result, Free>;

void check(asma_status status) {
    if (status != ASMA_OK) throw std::runtime_error(asma_last_error());
}

Model open(const std::string &path) {
    asma_model *model = nullptr;
    check(asma_model_open(path.c_str(), "cpu", nullptr, 0, &model));
    return Model(model);
}

constexpr std::size_t height = 48, width = 64;

// Skin with a dark spot that is elsewhere for each number.
std::vector<float> photograph(std::size_t channels, int number) {
    std::vector<float> image;
    for (std::size_t channel = 0; channel < channels; channel++)
        for (std::size_t y = 0; y < height; y++)
            for (std::size_t x = 0; x < width; x++) {
                double distance = std::hypot(y - 24.0, x - 26.0 - 4.0 * number);
                double spot = 1.0 / (1.0 + std::exp((distance - 11.0) / 2.0));
                image.push_back(static_cast<float>(0.85 - 0.1 * channel - 0.45 * spot));
            }
    return image;
}

std::string work(const asma_model *model, int number) {
    asma_shape shape{1, asma_model_channels(model), height, width}, output;
    std::vector<float> image = photograph(shape.c, number);
    check(asma_model_output_shape(model, shape, &output));
    std::vector<std::uint8_t> labels(output.n * output.h * output.w);
    check(asma_predict(model, image.data(), shape, labels.data(), labels.size()));
    std::vector<float> seed(output.n * output.c * output.h * output.w, 1.0f), gradient(image.size());
    check(asma_input_gradient(model, image.data(), shape, seed.data(), seed.size(), gradient.data(), gradient.size()));

    const char *options[] = {"untargeted=on", "eps=8/255", "steps=5"};
    asma_attack_request request{};
    request.attack = "pgd";
    request.options = options;
    request.option_count = 3;
    request.images = image.data();
    request.shape = shape;
    asma_result *made = nullptr;
    check(asma_attack(model, &request, &made));
    Result result(made);
    asma_image_scores scores;
    check(asma_result_scores(result.get(), 0, &scores));
    std::size_t spot = 0;
    double norm = 0;
    for (auto label : labels) spot += label == 1;
    for (float slope : gradient) norm += double(slope) * slope;
    char line[160];
    std::snprintf(line, sizeof line, "image %d: %zu pixels of a lesion, slope %.4g; after PGD pixel accuracy %.4f at L-infinity %.4f",
                  number, spot, std::sqrt(norm), scores.adversarial.pixel_accuracy, scores.adversarial.linf);
    return line;
}

} // namespace

int main(int count, char **arguments) {
    if (count != 2) {
        std::fprintf(stderr, "usage: threads WEIGHTS\n");
        return 2;
    }
    try {
        Model model = open(arguments[1]);
        std::vector<std::string> lines(4);
        std::vector<std::thread> threads;
        for (int number = 0; number < 4; number++)
            threads.emplace_back([&, number] {
                try {
                    lines[number] = work(model.get(), number);
                } catch (const std::exception &problem) {
                    lines[number] = std::string("failed: ") + problem.what();
                }
            });
        for (auto &thread : threads) thread.join();
        int status = 0;
        for (int number = 0; number < 4; number++) {
            std::puts(lines[number].c_str());
            // Alone it comes to the same.
            if (lines[number] != work(model.get(), number)) {
                std::fprintf(stderr, "image %d comes to something else alone\n", number);
                status = 1;
            }
        }
        return status;
    } catch (const std::exception &problem) {
        std::fprintf(stderr, "threads: %s\n", problem.what());
        return 1;
    }
}
