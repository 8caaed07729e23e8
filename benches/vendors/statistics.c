// What a Vulkan driver's compiler says of compute shaders: statistics FOLDER FILE.spv...
//
// FOLDER/statistics.tsv gets a line for each file: its name, the subgroup size that it was compiled for, and the driver's own
// statistics as name=value; FOLDER/NAME.assembly its assembly, where the driver hands that out. One that only prints it
// does so on stdout, after a line `== NAME`. Devices are opened as wgpu opens them: robust buffer
// access of the highest kind, subgroups of varying size. Nothing is dispatched, so drivers without a GPU do.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

#define MOST 64

static void want(int good, const char *what) {
    if (!good) {
        fprintf(stderr, "statistics: %s\n", what);
        exit(1);
    }
}

// What a pipeline needs to know of a shader, read out of its words.
typedef struct {
    uint32_t *words;
    size_t count;
    const char *entry;
    VkDescriptorSetLayoutBinding bindings[MOST];
    uint32_t binding_count;
} Shader;

// SPIR-V's numbers for what is looked at here.
enum { ENTRY_POINT = 15, POINTER = 32, VARIABLE = 59, DECORATE = 71, COMPUTE = 5, UNIFORM = 2, BINDING = 33, BUFFER_BLOCK = 3 };

static Shader read_shader(const char *path) {
    Shader shader = {0};
    FILE *file = fopen(path, "rb");
    want(file != NULL, path);
    fseek(file, 0, SEEK_END);
    shader.count = ftell(file) / 4;
    rewind(file);
    shader.words = malloc(4 * shader.count);
    want(shader.count > 5 && fread(shader.words, 4, shader.count, file) == shader.count, path);
    fclose(file);
    uint32_t ids = shader.words[3];
    int32_t *binding = malloc(ids * sizeof *binding);
    uint32_t *pointee = calloc(ids, sizeof *pointee);
    char *buffer_block = calloc(ids, 1);
    memset(binding, -1, ids * sizeof *binding);
    for (size_t i = 5; i < shader.count && shader.words[i] >> 16; i += shader.words[i] >> 16) {
        const uint32_t *word = shader.words + i;
        uint32_t operation = word[0] & 0xffff;
        if (operation == ENTRY_POINT && word[1] == COMPUTE) shader.entry = (const char *)(word + 3);
        if (operation == DECORATE && word[2] == BINDING) binding[word[1]] = word[3];
        if (operation == DECORATE && word[2] == BUFFER_BLOCK) buffer_block[word[1]] = 1;
        if (operation == POINTER) pointee[word[1]] = word[3];
        if (operation == VARIABLE && binding[word[2]] >= 0) {
            int uniform = word[3] == UNIFORM && !buffer_block[pointee[word[1]]];
            want(shader.binding_count < MOST, "too many bindings");
            shader.bindings[shader.binding_count++] = (VkDescriptorSetLayoutBinding){
                .binding = binding[word[2]],
                .descriptorType = uniform ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                .descriptorCount = 1,
                .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
            };
        }
    }
    free(binding);
    free(pointee);
    free(buffer_block);
    want(shader.entry != NULL, "a file without a compute shader");
    return shader;
}

static FILE *table;
static VkPhysicalDevice physical;
static VkDevice device;
#define PROC(name) PFN_##name name = (PFN_##name)vkGetDeviceProcAddr(device, #name)

static void open_device(void) {
    VkApplicationInfo application = {VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_3};
    VkInstanceCreateInfo of_instance = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
    VkInstance instance;
    want(vkCreateInstance(&of_instance, NULL, &instance) == VK_SUCCESS, "no Vulkan");
    uint32_t one = 1;
    want(vkEnumeratePhysicalDevices(instance, &one, &physical) >= 0 && one == 1, "no device");

    VkPhysicalDeviceRobustness2FeaturesEXT robust = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT};
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR};
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executables = {
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR};
    struct {
        const char *name;
        VkBaseOutStructure *features;
    } extensions[] = {
        {VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME, (VkBaseOutStructure *)&executables},
        {VK_EXT_ROBUSTNESS_2_EXTENSION_NAME, (VkBaseOutStructure *)&robust},
        {VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, (VkBaseOutStructure *)&matrices},
    };
    VkPhysicalDeviceVulkan13Features of_13 = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES};
    VkPhysicalDeviceVulkan12Features of_12 = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, &of_13};
    VkPhysicalDeviceVulkan11Features of_11 = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, &of_12};
    VkPhysicalDeviceFeatures2 features = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &of_11};
    const char *enabled[3];
    uint32_t count = 0, known = 0;
    vkEnumerateDeviceExtensionProperties(physical, NULL, &known, NULL);
    VkExtensionProperties *properties = calloc(known, sizeof *properties);
    vkEnumerateDeviceExtensionProperties(physical, NULL, &known, properties);
    VkBaseOutStructure *last = (VkBaseOutStructure *)&of_13;
    for (int e = 0; e < 3; e++)
        for (uint32_t i = 0; i < known; i++)
            if (!strcmp(extensions[e].name, properties[i].extensionName)) {
                enabled[count++] = extensions[e].name;
                last->pNext = extensions[e].features;
                last = last->pNext;
            }
    vkGetPhysicalDeviceFeatures2(physical, &features);
    want(executables.pipelineExecutableInfo, "the driver tells no statistics");
    robust.nullDescriptor = VK_FALSE;

    uint32_t families = 16;
    VkQueueFamilyProperties family[16];
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &families, family);
    uint32_t compute = 0;
    while (compute + 1 < families && !(family[compute].queueFlags & VK_QUEUE_COMPUTE_BIT)) compute++;
    float priority = 1;
    VkDeviceQueueCreateInfo of_queue = {
        VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueFamilyIndex = compute, .queueCount = 1, .pQueuePriorities = &priority};
    VkDeviceCreateInfo of_device = {VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, &features, .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &of_queue, .enabledExtensionCount = count, .ppEnabledExtensionNames = enabled};
    want(vkCreateDevice(physical, &of_device, NULL, &device) == VK_SUCCESS, "the device does not open");
}

static void print_statistics(VkPipelineExecutableInfoKHR *executable) {
    PROC(vkGetPipelineExecutableStatisticsKHR);
    uint32_t count = MOST;
    VkPipelineExecutableStatisticKHR statistics[MOST];
    for (int i = 0; i < MOST; i++)
        statistics[i] = (VkPipelineExecutableStatisticKHR){VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
    vkGetPipelineExecutableStatisticsKHR(device, executable, &count, statistics);
    for (uint32_t i = 0; i < count; i++) {
        VkPipelineExecutableStatisticValueKHR value = statistics[i].value;
        double number = statistics[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR ? value.f64
            : statistics[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR            ? value.b32
                                                                                                    : (double)value.i64;
        fprintf(table, "\t%s=%.15g", statistics[i].name, number);
    }
}

// The last representation is the final one: assembly, where the driver has it.
static void write_assembly(VkPipelineExecutableInfoKHR *executable, const char *path) {
    PROC(vkGetPipelineExecutableInternalRepresentationsKHR);
    uint32_t count = MOST;
    VkPipelineExecutableInternalRepresentationKHR texts[MOST];
    for (int i = 0; i < MOST; i++)
        texts[i] = (VkPipelineExecutableInternalRepresentationKHR){VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR};
    vkGetPipelineExecutableInternalRepresentationsKHR(device, executable, &count, texts);
    for (uint32_t i = 0; i < count; i++) texts[i].pData = calloc(1, texts[i].dataSize + 1);
    vkGetPipelineExecutableInternalRepresentationsKHR(device, executable, &count, texts);
    for (uint32_t i = 0; i < count; i++) {
        if (strstr(texts[i].name, "ssembly") || strstr(texts[i].name, "IR3")) {
            FILE *file = fopen(path, "w");
            want(file != NULL, path);
            fputs(texts[i].pData, file);
            fclose(file);
        }
        free(texts[i].pData);
    }
}

static void compile(const char *folder, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    Shader shader = read_shader(path);
    VkDescriptorSetLayoutCreateInfo of_set = {VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = shader.binding_count, .pBindings = shader.bindings};
    VkDescriptorSetLayout set;
    want(vkCreateDescriptorSetLayout(device, &of_set, NULL, &set) == VK_SUCCESS, name);
    VkPipelineLayoutCreateInfo of_layout = {VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1, .pSetLayouts = &set};
    VkPipelineLayout layout;
    want(vkCreatePipelineLayout(device, &of_layout, NULL, &layout) == VK_SUCCESS, name);
    VkShaderModuleCreateInfo of_module = {
        VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = 4 * shader.count, .pCode = shader.words};
    VkShaderModule module;
    want(vkCreateShaderModule(device, &of_module, NULL, &module) == VK_SUCCESS, name);
    VkComputePipelineCreateInfo of_pipeline = {VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR | VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR,
        .stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .flags = VK_PIPELINE_SHADER_STAGE_CREATE_ALLOW_VARYING_SUBGROUP_SIZE_BIT, .stage = VK_SHADER_STAGE_COMPUTE_BIT,
            .module = module, .pName = shader.entry},
        .layout = layout};
    VkPipeline pipeline;
    printf("== %s\n", name);
    fflush(stdout);
    if (vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &of_pipeline, NULL, &pipeline) < 0) {
        fprintf(table, "%s\tfailed\n", name);
        return;
    }
    PROC(vkGetPipelineExecutablePropertiesKHR);
    VkPipelineInfoKHR of_executables = {VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
    VkPipelineExecutablePropertiesKHR executables[8];
    uint32_t count = 8;
    for (int i = 0; i < 8; i++)
        executables[i] = (VkPipelineExecutablePropertiesKHR){VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    vkGetPipelineExecutablePropertiesKHR(device, &of_executables, &count, executables);
    // Of several programs of one shader, the last is the one of the widest subgroups.
    VkPipelineExecutableInfoKHR last = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline, .executableIndex = count - 1};
    fprintf(table, "%s\tsubgroup=%u", name, executables[count - 1].subgroupSize);
    print_statistics(&last);
    fprintf(table, "\n");
    char assembly[4096];
    snprintf(assembly, sizeof assembly, "%s/%s.assembly", folder, name);
    write_assembly(&last, assembly);
    vkDestroyPipeline(device, pipeline, NULL);
    vkDestroyShaderModule(device, module, NULL);
    vkDestroyPipelineLayout(device, layout, NULL);
    vkDestroyDescriptorSetLayout(device, set, NULL);
    free(shader.words);
}

int main(int count, char **arguments) {
    want(count > 2, "want a folder to write to, then files of SPIR-V");
    open_device();
    char path[4096];
    snprintf(path, sizeof path, "%s/statistics.tsv", arguments[1]);
    table = fopen(path, "w");
    want(table != NULL, path);
    for (int i = 2; i < count; i++) compile(arguments[1], arguments[i]);
    return fclose(table);
}
