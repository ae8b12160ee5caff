/*
 * A star and four planets under gravity for n time steps, in f64.
 *
 * This example has floating-point arithmetic: a chain of additions,
 * multiplications, divisions and square roots over a small array of structs. Every
 * operation is IEEE 754, and the source fixes their order, so the result has the
 * same bits everywhere.
 *
 * Returns the total energy at the end. The gravitational constant and the mass of
 * the star are 1.
 */
#define DEFAULT_N 1000000
#define RETURNS_F64
#include "example.h"

#define BODIES 5
#define TIME_STEP 0.002

struct body {
    double position[3];
    double velocity[3];
    double mass;
};

/* A planet starts on a nearly circular orbit, at an angle given by its cosine and
 * sine, and moves slightly out of the plane of the others. */
struct orbit {
    double radius;
    double cosine, sine;
    double tilt;
    double mass;
};

static struct body bodies[BODIES];

static const struct orbit orbits[BODIES - 1] = {
    {1.0, 3.0 / 5.0, 4.0 / 5.0, 0.05, 0.0002},
    {1.75, -5.0 / 13.0, 12.0 / 13.0, -0.02, 0.001},
    {3.0, -8.0 / 17.0, -15.0 / 17.0, 0.01, 0.0005},
    {5.5, 7.0 / 25.0, -24.0 / 25.0, -0.03, 0.00125},
};

static void place_planet(struct body *planet, const struct orbit *orbit) {
    double speed = __builtin_sqrt(1.0 / orbit->radius);
    planet->position[0] = orbit->radius * orbit->cosine;
    planet->position[1] = orbit->radius * orbit->sine;
    planet->position[2] = 0.0;
    planet->velocity[0] = -speed * orbit->sine;
    planet->velocity[1] = speed * orbit->cosine;
    planet->velocity[2] = speed * orbit->tilt;
    planet->mass = orbit->mass;
}

    /* The star's velocity makes the total momentum zero. */
static void place_star(struct body *star) {
    star->mass = 1.0;
    for (int axis = 0; axis < 3; axis++) {
        double momentum = 0.0;
        for (int i = 1; i < BODIES; i++) {
            momentum += bodies[i].mass * bodies[i].velocity[axis];
        }
        star->position[axis] = 0.0;
        star->velocity[axis] = -momentum;
    }
}

static void place_bodies(void) {
    for (int i = 1; i < BODIES; i++) {
        place_planet(&bodies[i], &orbits[i - 1]);
    }
    place_star(&bodies[0]);
}

static void drift(double time) {
    for (int i = 0; i < BODIES; i++) {
        for (int axis = 0; axis < 3; axis++) {
            bodies[i].position[axis] += time * bodies[i].velocity[axis];
        }
    }
}

static void attract(struct body *a, struct body *b, double time) {
    double dx = a->position[0] - b->position[0];
    double dy = a->position[1] - b->position[1];
    double dz = a->position[2] - b->position[2];
    double square = dx * dx + dy * dy + dz * dz;
    double scale = time / (square * __builtin_sqrt(square));
    double to_a = scale * b->mass;
    double to_b = scale * a->mass;
    a->velocity[0] -= dx * to_a;
    a->velocity[1] -= dy * to_a;
    a->velocity[2] -= dz * to_a;
    b->velocity[0] += dx * to_b;
    b->velocity[1] += dy * to_b;
    b->velocity[2] += dz * to_b;
}

static void kick(double time) {
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            attract(&bodies[i], &bodies[j], time);
        }
    }
}

/* One leapfrog step, which keeps the energy nearly constant. */
static void step(void) {
    drift(TIME_STEP / 2);
    kick(TIME_STEP);
    drift(TIME_STEP / 2);
}

static double kinetic_energy(const struct body *b) {
    const double *v = b->velocity;
    return 0.5 * b->mass * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

static double potential_energy(const struct body *a, const struct body *b) {
    double square = 0.0;
    for (int axis = 0; axis < 3; axis++) {
        double d = a->position[axis] - b->position[axis];
        square += d * d;
    }
    return -a->mass * b->mass / __builtin_sqrt(square);
}

static double total_energy(void) {
    double energy = 0.0;
    for (int i = 0; i < BODIES; i++) {
        energy += kinetic_energy(&bodies[i]);
        for (int j = i + 1; j < BODIES; j++) {
            energy += potential_energy(&bodies[i], &bodies[j]);
        }
    }
    return energy;
}

EXPORT result run(int32_t n) {
    place_bodies();
    for (int32_t i = 0; i < n; i++) {
        step();
    }
    return total_energy();
}
