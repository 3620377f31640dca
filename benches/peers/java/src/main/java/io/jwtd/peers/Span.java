package io.jwtd.peers;

import com.google.gson.Gson;
import com.google.gson.annotations.SerializedName;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/** A time in which jobs judge tokens, counted and measured from outside: they never look at a clock. */
final class Span {
    private static final double WARM_UP_SECONDS = 3; // at least
    private static final int PATIENCE_SECONDS = 40;
    private static final int RESTING_MILLIS = 100; // of a second

    /** Judges tokens until one is refused. The end of the program ends it. */
    interface Job {
        void run() throws Exception;
    }

    /** The line that the orchestrator reads. */
    private record Result(String library, String version, String way, String runtime, long tokens,
            @SerializedName("cpu_seconds") double cpuSeconds, double seconds) {}

    /** What had been spent and done at one time. */
    private record Moment(long nanos, long cpuNanos, long tokens) {}

    private final AtomicLong judged = new AtomicLong();
    private final CompletableFuture<Void> failure = new CompletableFuture<>();

    void judged(int tokens) {
        judged.addAndGet(tokens);
    }

    void fail(Throwable cause) {
        failure.completeExceptionally(cause);
    }

    /** Runs jobs at once, warms up, says `begin`, and prints what was done and spent in the seconds after that. */
    void measure(String library, String version, String way, double seconds, List<Job> jobs) throws Exception {
        for (var job : jobs) {
            new Thread(() -> {
                try {
                    job.run();
                } catch (Throwable error) {
                    fail(error);
                }
            }).start();
        }
        warmUp(seconds);
        System.out.println("begin");
        var first = now();
        pass(seconds);
        var last = now();
        if (last.tokens == first.tokens) {
            throw new IllegalStateException("no token was judged in this time");
        }
        var result = new Result(library, version, way, runtime(), last.tokens - first.tokens,
            (last.cpuNanos - first.cpuNanos) / 1e9, (last.nanos - first.nanos) / 1e9);
        System.out.println(new Gson().toJson(result));
    }

    /**
     * Waits until the compiler of the virtual machine rests. It works beside the jobs and on the same cores,
     * for ten seconds and more where there are few, and until it is through a call costs several times as much.
     */
    private void warmUp(double seconds) throws Exception {
        pass(Math.max(seconds / 5, WARM_UP_SECONDS));
        var compiler = ManagementFactory.getCompilationMXBean();
        for (var second = 0; second < PATIENCE_SECONDS; second++) {
            var before = compiler.getTotalCompilationTime();
            pass(1);
            if (compiler.getTotalCompilationTime() - before < RESTING_MILLIS) {
                return;
            }
        }
        throw new IllegalStateException("still compiling after " + PATIENCE_SECONDS + " s");
    }

    /** Lets time pass, unless a job fails. */
    private void pass(double seconds) throws Exception {
        try {
            failure.get((long) (seconds * 1e9), TimeUnit.NANOSECONDS);
        } catch (TimeoutException passed) {
            return;
        }
    }

    /** Looks at the clock, at the CPU of all threads, also those that compile and collect, and at the count. */
    private Moment now() {
        var system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        return new Moment(System.nanoTime(), system.getProcessCpuTime(), judged.get());
    }

    /** The version that an artifact states in its manifest. */
    static String versionOf(Class<?> member) {
        var version = member.getPackage().getImplementationVersion();
        if (version == null) {
            throw new IllegalStateException("the artifact of " + member + " states no version");
        }
        return version;
    }

    static String runtime() {
        return "Java " + System.getProperty("java.version");
    }
}
