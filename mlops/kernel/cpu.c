/* What this machine must have, asked without using any of it. */
#include <stdint.h>

int32_t interface(void) { return 7; }

int32_t supported(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni") &&
           __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("fma");
}

/* Whether there are products of 16 bit too. */
int32_t supported_wide(void) { return __builtin_cpu_supports("avx512bf16"); }
