/* Reads one holding register of 127.0.0.1 COUNT times, one after the other: `client PORT COUNT`.
 * Prints seconds of wall clock and seconds of CPU. */
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double wall(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  modbus_t *context = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
  modbus_set_slave(context, 1);
  if (modbus_connect(context) != 0) return 1;
  double startedAt = wall(), startedCpu = cpu();
  uint16_t value;
  for (int left = atoi(argv[2]); left > 0; left--)
    if (modbus_read_registers(context, 1, 1, &value) != 1) return 1;
  printf("%f %f\n", wall() - startedAt, cpu() - startedCpu);
  modbus_close(context);
  return 0;
}
