/* A V4L2 device at the seam below which there is a kernel: open(), fstat() and ioctl() of /dev/videoN, by LD_PRELOAD.
 *
 * In VIDEO_DEVICE lies a folder: one file a node, `video0`, of a line `FOURCC WIDTH HEIGHT FPS` and then pictures, each
 * its length in four bytes and its bytes. They are given again and again, at the pace that was asked for. Other files
 * there say what is wrong: `gone`, `busy`, `silent`. A node without a picture is one that gives none (metadata).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define FDS 1024
#define SIZE (8u << 20)
#define MOST 32

struct device {
    int used, node, flags, on;
    FILE *film;
    long begin;
    char fourcc[5];
    unsigned width, height, rate, queue[MOST], head, count, sequence;
    struct timespec next;
};
static struct device devices[FDS];

static int said(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", getenv("VIDEO_DEVICE"), name);
    return access(path, F_OK) == 0;
}

static int begin(int node, int flags) {
    char path[512];
    if (said("gone")) return errno = ENOENT, -1;
    snprintf(path, sizeof path, "%s/video%d", getenv("VIDEO_DEVICE"), node);
    FILE *film = fopen(path, "rb");
    if (!film) return errno = ENOENT, -1;
    int fd = memfd_create("video", MFD_CLOEXEC);
    if (fd < 0 || fd >= FDS || ftruncate(fd, (off_t)SIZE * MOST)) abort();
    struct device *one = &devices[fd];
    memset(one, 0, sizeof *one);
    one->used = 1, one->node = node, one->flags = flags, one->film = film;
    if (fscanf(film, "%4s %u %u %u", one->fourcc, &one->width, &one->height, &one->rate) != 4) abort();
    fgetc(film);
    one->begin = ftell(film);
    return fd;
}

static int opening(const char *name, const char *path, int flags, mode_t mode) {
    int node, length = 0;
    if (sscanf(path, "/dev/video%d%n", &node, &length) == 1 && !path[length]) return begin(node, flags);
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
    return real(path, flags, mode);
}

static mode_t mode_of(int flags, va_list more) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; }

#define OPEN(name)                                    \
    int name(const char *path, int flags, ...) {      \
        va_list more;                                 \
        va_start(more, flags);                        \
        mode_t mode = mode_of(flags, more);           \
        va_end(more);                                 \
        return opening(#name, path, flags, mode);     \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "close");
    if (fd >= 0 && fd < FDS && devices[fd].used) {
        devices[fd].used = 0;
        fclose(devices[fd].film);
    }
    return real(fd);
}

#define FSTAT(name, kind)                                              \
    int name(int fd, struct kind *about) {                             \
        int (*real)(int, struct kind *) = dlsym(RTLD_NEXT, #name);     \
        int done = real(fd, about);                                    \
        if (!done && fd >= 0 && fd < FDS && devices[fd].used) {        \
            about->st_mode = S_IFCHR | 0660;                           \
            about->st_rdev = makedev(81, devices[fd].node);            \
        }                                                              \
        return done;                                                   \
    }
FSTAT(fstat, stat)
FSTAT(fstat64, stat64)

static unsigned picture(struct device *one, unsigned char *data) {
    unsigned char length[4];
    if (fread(length, 1, 4, one->film) != 4) {
        fseek(one->film, one->begin, SEEK_SET);
        if (fread(length, 1, 4, one->film) != 4) return 0;
    }
    unsigned size = length[0] | length[1] << 8 | length[2] << 16 | (unsigned)length[3] << 24;
    if (size > SIZE || fread(data, 1, size, one->film) != size) abort();
    return size;
}

static int gives(struct device *one) {
    fseek(one->film, 0, SEEK_END);
    int more = ftell(one->film) > one->begin;
    fseek(one->film, one->begin, SEEK_SET);
    return more;
}

static int dequeue(int fd, struct device *one, struct v4l2_buffer *buffer) {
    struct timespec now;
    for (;;) {
        if (said("gone")) return errno = ENODEV, -1;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int due = now.tv_sec > one->next.tv_sec || (now.tv_sec == one->next.tv_sec && now.tv_nsec >= one->next.tv_nsec);
        if (one->on && one->count && due && !said("silent")) break;
        if (one->flags & O_NONBLOCK) return errno = EAGAIN, -1;
        usleep(2000);
    }
    unsigned char *data = malloc(SIZE);
    unsigned index = one->queue[one->head], size = picture(one, data);
    one->head = (one->head + 1) % MOST, one->count--;
    if (pwrite(fd, data, size, (off_t)SIZE * index) != size) abort();
    free(data);
    buffer->index = index, buffer->bytesused = size, buffer->length = SIZE, buffer->m.offset = SIZE * index;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC, buffer->sequence = one->sequence++;
    buffer->timestamp.tv_sec = now.tv_sec, buffer->timestamp.tv_usec = now.tv_nsec / 1000;
    one->next.tv_nsec += 1000000000l / one->rate;
    if (one->next.tv_nsec >= 1000000000l) one->next.tv_sec++, one->next.tv_nsec -= 1000000000l;
    return 0;
}

static int asked(int fd, struct device *one, unsigned long request, void *argument) {
    if (said("gone")) return errno = ENODEV, -1;
    if (request == VIDIOC_QUERYCAP) {
        struct v4l2_capability *able = argument;
        memset(able, 0, sizeof *able);
        strcpy((char *)able->card, "Drawn camera");
        able->device_caps = V4L2_CAP_STREAMING | (gives(one) ? V4L2_CAP_VIDEO_CAPTURE : V4L2_CAP_META_CAPTURE);
        able->capabilities = V4L2_CAP_DEVICE_CAPS | V4L2_CAP_STREAMING | V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_META_CAPTURE;
        return 0;
    }
    if (request == VIDIOC_ENUM_FMT) {
        struct v4l2_fmtdesc *format = argument;
        if (format->index || format->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return errno = EINVAL, -1;
        memcpy(&format->pixelformat, one->fourcc, 4);
        return 0;
    }
    if (request == VIDIOC_S_FMT || request == VIDIOC_G_FMT || request == VIDIOC_TRY_FMT) {
        struct v4l2_format *format = argument;
        if (request == VIDIOC_S_FMT && said("busy")) return errno = EBUSY, -1;
        if (format->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return errno = EINVAL, -1;
        /* It knows one size and one format, whatever it is asked for. */
        format->fmt.pix.width = one->width, format->fmt.pix.height = one->height;
        format->fmt.pix.field = V4L2_FIELD_NONE;
        memcpy(&format->fmt.pix.pixelformat, one->fourcc, 4);
        format->fmt.pix.bytesperline = one->width * 2, format->fmt.pix.sizeimage = one->width * one->height * 2;
        return 0;
    }
    if (request == VIDIOC_G_PARM || request == VIDIOC_S_PARM) {
        struct v4l2_streamparm *parameters = argument;
        parameters->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        parameters->parm.capture.timeperframe.numerator = 1;
        parameters->parm.capture.timeperframe.denominator = one->rate;
        return 0;
    }
    if (request == VIDIOC_G_INPUT) return *(int *)argument = 0, 0;
    if (request == VIDIOC_ENUMINPUT) {
        struct v4l2_input *input = argument;
        if (input->index) return errno = EINVAL, -1;
        memset(input, 0, sizeof *input);
        return 0;
    }
    if (request == VIDIOC_REQBUFS) {
        struct v4l2_requestbuffers *buffers = argument;
        if (buffers->memory != V4L2_MEMORY_MMAP) return errno = EINVAL, -1;
        if (buffers->count > MOST) buffers->count = MOST;
        return 0;
    }
    if (request == VIDIOC_QUERYBUF) {
        struct v4l2_buffer *buffer = argument;
        buffer->length = SIZE, buffer->m.offset = SIZE * buffer->index;
        return 0;
    }
    if (request == VIDIOC_QBUF) {
        struct v4l2_buffer *buffer = argument;
        one->queue[(one->head + one->count++) % MOST] = buffer->index;
        return 0;
    }
    if (request == VIDIOC_STREAMON) return clock_gettime(CLOCK_MONOTONIC, &one->next), one->on = 1, 0;
    if (request == VIDIOC_STREAMOFF) return one->on = 0, 0;
    if (request == VIDIOC_DQBUF) return dequeue(fd, one, argument);
    return errno = ENOTTY, -1;
}

int ioctl(int fd, unsigned long request, ...) {
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    /* As the kernel does: the upper half of a sign-extended int is nothing. */
    if (fd >= 0 && fd < FDS && devices[fd].used) return asked(fd, &devices[fd], request & 0xffffffffu, argument);
    int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, argument);
}
