package io.jwtd.interop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;

/** Runs checks and records the results: a line for each in the file from which `run` makes its table. */
record Results(Path file, String client, String version) {
    interface Check {
        /** Throws if the daemon does not do what it should; returns a note for people, or "". */
        String run() throws Exception;
    }

    void run(String transport, String what, Check check) throws IOException {
        var begin = System.nanoTime();
        String result;
        String note;
        try {
            note = check.run();
            if (note.isEmpty()) {
                note = String.format(Locale.ROOT, "%.2f s", (System.nanoTime() - begin) / 1e9);
            }
            result = "passed";
        } catch (Exception | AssertionError error) { // One failure must not hide the rest.
            error.printStackTrace();
            result = "FAILED";
            note = error.toString().lines().findFirst().orElse("").replace('\t', ' ');
        }
        var line = String.join("\t", client, version, transport, what, result, note) + "\n";
        Files.writeString(file, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    static void require(boolean holds, Object otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    /** The version that an artifact states in its manifest. */
    static String versionOf(Class<?> member) {
        var version = member.getPackage().getImplementationVersion();
        require(version != null, "the artifact of " + member + " states no version");
        return version;
    }
}
