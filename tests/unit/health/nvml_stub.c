/* GPL-3.0-or-later. The functions of NVIDIA's libnvidia-ml.so.1 that the kind gpu asks, with two made-up cards: one that is well, one that is lost. */
#include <string.h>
enum { SUCCESS = 0, NOT_SUPPORTED = 3, GPU_IS_LOST = 15 };
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } utilisation_t;
static int cards[2];
int nvmlInit_v2(void) { return SUCCESS; }
int nvmlInitWithFlags(unsigned int flags) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { return "stub"; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **card) { *card = &cards[index]; return index ? GPU_IS_LOST : SUCCESS; }
int nvmlDeviceGetName(void *card, char *name, unsigned int length) { strncpy(name, "Stub 9000", length); return SUCCESS; }
int nvmlDeviceGetUUID(void *card, char *uuid, unsigned int length) { strncpy(uuid, "GPU-0001", length); return SUCCESS; }
int nvmlDeviceGetTemperature(void *card, int sensor, unsigned int *degrees) { *degrees = 91; return SUCCESS; }
int nvmlDeviceGetMemoryInfo(void *card, memory_t *memory) { memory->total = 1000; memory->used = 250; memory->free = 750; return SUCCESS; }
int nvmlDeviceGetUtilizationRates(void *card, utilisation_t *rates) { rates->gpu = 42; rates->memory = 1; return SUCCESS; }
int nvmlDeviceGetTotalEccErrors(void *card, int type, int counter, unsigned long long *count) { *count = 7; return type == 1 && counter == 0 ? SUCCESS : NOT_SUPPORTED; }
int nvmlDeviceGetRemappedRows(void *card, unsigned int *ok, unsigned int *bad, unsigned int *pending, unsigned int *failure) { *ok = 1; *bad = 2; *pending = 1; *failure = 0; return SUCCESS; }
int nvmlDeviceGetRetiredPages(void *card, int cause, unsigned int *count, unsigned long long *pages) { return NOT_SUPPORTED; }
int nvmlDeviceGetRetiredPagesPendingStatus(void *card, int *pending) { return NOT_SUPPORTED; }
int nvmlDeviceGetCurrentClocksEventReasons(void *card, unsigned long long *reasons) { *reasons = 0x44; return SUCCESS; }
