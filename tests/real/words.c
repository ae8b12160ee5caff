/*
 * Counts the words in files, as a WASI program: words COUNT FILE...
 *
 * Prints the most frequent words, and those of equal count in alphabetical order. Writes all words to the file that the
 * environment variable INDEX names, as records of constant size, and reads them again for the last lines. WORDS_MIN is
 * the minimum number of letters of a word.
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct word {
    struct word *next;
    uint32_t count;
    char text[];
};

/* A hash table with chaining, which grows on demand. */
static struct word **buckets;
static size_t capacity, used;

static uint32_t hash(const char *text)
{
    uint32_t bits = 2166136261u;
    for (; *text; text++)
        bits = (bits ^ (unsigned char)*text) * 16777619u;
    return bits;
}

static void *must(void *memory)
{
    if (!memory) {
        perror("words");
        exit(2);
    }
    return memory;
}

static void grow(void)
{
    size_t larger = capacity ? 2 * capacity : 8;
    struct word **fresh = must(calloc(larger, sizeof *fresh));
    for (size_t i = 0; i < capacity; i++)
        for (struct word *word = buckets[i], *next; word; word = next) {
            next = word->next;
            struct word **bucket = &fresh[hash(word->text) % larger];
            word->next = *bucket;
            *bucket = word;
        }
    free(buckets);
    buckets = fresh;
    capacity = larger;
}

static void count(const char *text)
{
    if (used == capacity)
        grow();
    struct word **bucket = &buckets[hash(text) % capacity];
    for (struct word *word = *bucket; word; word = word->next)
        if (!strcmp(word->text, text)) {
            word->count++;
            return;
        }
    struct word *word = must(malloc(sizeof *word + strlen(text) + 1));
    strcpy(word->text, text);
    word->count = 1;
    word->next = *bucket;
    *bucket = word;
    used++;
}

static int order(const void *left, const void *right)
{
    const struct word *a = *(struct word *const *)left, *b = *(struct word *const *)right;
    return a->count != b->count ? (a->count < b->count) - (a->count > b->count) : strcmp(a->text, b->text);
}

static void count_file(const char *name, size_t least)
{
    FILE *file = fopen(name, "r");
    if (!file) {
        fprintf(stderr, "words: %s: %s\n", name, strerror(errno));
        exit(1);
    }
    char text[64];
    size_t length = 0;
    for (int c;;) {
        c = getc(file);
        if (isalpha(c)) {
            if (length < sizeof text - 1)
                text[length++] = (char)tolower(c);
            continue;
        }
        text[length] = 0;
        if (length >= least && length)
            count(text);
        length = 0;
        if (c == EOF)
            break;
    }
    struct stat status;
    if (fstat(fileno(file), &status) || status.st_size != ftell(file)) {
        fprintf(stderr, "words: %s: %ld of %lld bytes\n", name, ftell(file), (long long)status.st_size);
        exit(1);
    }
    fclose(file);
}

struct record {
    uint32_t count;
    char text[60];
};

/* Writes all words. Returns their number according to the file, and the last one. */
static long write_index(const char *name, struct word **words, struct record *last)
{
    FILE *index = must(fopen(name, "w+b"));
    for (size_t i = 0; i < used; i++) {
        struct record record = {.count = words[i]->count};
        strncpy(record.text, words[i]->text, sizeof record.text - 1);
        if (fwrite(&record, sizeof record, 1, index) != 1)
            must(NULL);
    }
    if (fseek(index, -(long)sizeof *last, SEEK_END) || fread(last, sizeof *last, 1, index) != 1)
        must(NULL);
    long records = ftell(index) / (long)sizeof *last;
    fclose(index);
    return records;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: words COUNT FILE...\n");
        return 64;
    }
    const char *least = getenv("WORDS_MIN"), *index = getenv("INDEX");
    for (int i = 2; i < argc; i++)
        count_file(argv[i], least ? strtoul(least, NULL, 10) : 1);
    if (!used)
        return 0;

    struct word **words = must(malloc(used * sizeof *words)), **end = words;
    for (size_t i = 0; i < capacity; i++)
        for (struct word *word = buckets[i]; word; word = word->next)
            *end++ = word;
    qsort(words, used, sizeof *words, order);

    double total = 0;
    for (size_t i = 0; i < used; i++)
        total += words[i]->count;
    for (size_t i = 0; i < used && i < strtoul(argv[1], NULL, 10); i++)
        printf("%7u %5.2f%% %-*s|\n", words[i]->count, 100 * words[i]->count / total, 12, words[i]->text);
    if (index) {
        struct record last;
        long records = write_index(index, words, &last);
        printf("%ld words, the last one %s (%u)\n", records, last.text, last.count);
    }

    char date[32];
    time_t leap = 951782400, now = time(NULL);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", gmtime(&leap));
    printf("%s %s\n", date, now > 1700000000 ? "and later" : "and no clock");
    return 0;
}
