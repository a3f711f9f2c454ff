import static org.atsign.client.api.AtEvents.AtEventType.decryptedUpdateNotification;
import static org.atsign.client.api.AtEvents.AtEventType.deleteNotification;
import static org.atsign.client.api.AtSign.createAtSign;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;

import org.atsign.client.api.AtClient;
import org.atsign.client.api.AtSign;
import org.atsign.client.api.Keys;
import org.atsign.client.impl.AtClients;
import org.atsign.client.impl.cli.Activate;
import org.atsign.client.impl.util.KeysUtils;

/**
 * Lets a test drive the unmodified Java SDK against a real atServer.
 *
 * <pre>
 *   Client @alice DIRECTORY_HOST:PORT KEYSFILE
 * </pre>
 *
 * -Djavax.net.ssl.trustStore names the CA to trust. Commands and answers are those of ../python/client.py, except
 * life and notify, which this SDK has no call for.
 */
public final class Client {

  private static final long PATIENCE = 30; // seconds for a notification

  private final AtSign sign;
  private final String directory;
  private final File keysFile;
  private final BlockingQueue<Map<String, Object>> events = new LinkedBlockingQueue<>();
  private Pattern watched; // null: no monitor yet
  private AtClient client; // from the first command on that needs it

  private Client(String sign, String directory, String keysFile) {
    this.sign = createAtSign(sign);
    this.directory = directory;
    this.keysFile = new File(keysFile);
  }

  public static void main(String[] args) throws Exception {
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err); // where the SDK talks
    Client driver = new Client(args[0], args[1], args[2]);
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = commands.readLine()) != null;) {
      answers.println(driver.answer(line.split("\t", -1)));
    }
    System.exit(0); // the SDK's threads do not keep us
  }

  private String answer(String[] words) {
    try {
      String result = run(words);
      return result.isEmpty() ? "ok" : "ok\t" + result;
    } catch (Exception e) {
      Throwable cause = e;
      while ((cause instanceof ExecutionException || cause instanceof CompletionException) && cause.getCause() != null) {
        cause = cause.getCause();
      }
      return "failed\t" + cause.getClass().getSimpleName() + "\t" + String.valueOf(cause.getMessage()).replaceAll("\\s", " ");
    }
  }

  private String run(String[] words) throws Exception {
    if (words[0].equals("onboard")) {
      return onboard(words[1]);
    }
    if (client == null) {
      client = AtClients.builder().url(directory).atSign(sign).keys(KeysUtils.loadKeys(keysFile)).build();
    }
    switch (words[0]) {
      case "put":
        return put(key(words[1], null), words[2]);
      case "copy":
        return put(key(words[1], 3600L), words[2]);
      case "get":
        return get(key(words[1], null));
      case "delete":
        return delete(key(words[1], null));
      case "scan":
        return scan(words[1]);
      case "monitor":
        return monitor(words[1]);
      case "next":
        return next();
      default:
        throw new IllegalArgumentException("no such command: " + words[0]);
    }
  }

  private String onboard(String secretFile) throws Exception {
    String secret = Files.readString(Path.of(secretFile)).trim();
    int status = Activate.execute(new String[] {"onboard",
        "-r", directory, "-a", sign.toString(), "-k", keysFile.getPath(), "-c", secret});
    if (status != 0 || !keysFile.exists()) {
      throw new IllegalStateException("onboarding ends with status " + status);
    }
    return "";
  }

  private String put(Keys.AtKey key, String value) throws Exception {
    if (key instanceof Keys.PublicKey) {
      client.put((Keys.PublicKey) key, value).get();
    } else if (key instanceof Keys.SharedKey) {
      client.put((Keys.SharedKey) key, value).get();
    } else {
      client.put((Keys.SelfKey) key, value).get();
    }
    return "";
  }

  private String get(Keys.AtKey key) throws Exception {
    if (key instanceof Keys.PublicKey) {
      return client.get((Keys.PublicKey) key).get();
    } else if (key instanceof Keys.SharedKey) {
      return client.get((Keys.SharedKey) key).get();
    }
    return client.get((Keys.SelfKey) key).get();
  }

  private String delete(Keys.AtKey key) throws Exception {
    if (key instanceof Keys.PublicKey) {
      client.delete((Keys.PublicKey) key).get();
    } else if (key instanceof Keys.SharedKey) {
      client.delete((Keys.SharedKey) key).get();
    } else {
      client.delete((Keys.SelfKey) key).get();
    }
    return "";
  }

  private String scan(String regex) throws Exception {
    List<String> found = client.getAtKeys(regex, true).get().stream().map(Object::toString).sorted().toList();
    return String.join("\t", found);
  }

  private String monitor(String regex) throws Exception {
    events.clear();
    if (watched == null) {
      client.addEventListener((type, event) -> events.add(event), EnumSet.of(decryptedUpdateNotification, deleteNotification));
      client.startMonitor();
      scan("x"); // on the same connection: once it is answered the server knows that we monitor
    }
    watched = Pattern.compile(regex);
    return "";
  }

  private String next() throws Exception {
    long late = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE);
    for (Map<String, Object> event; (event = events.poll(late - System.nanoTime(), TimeUnit.NANOSECONDS)) != null;) {
      String key = String.valueOf(event.get("key"));
      if (watched.matcher(key).find()) {
        return String.join("\t", String.valueOf(event.get("operation")), String.valueOf(event.get("from")), key,
            String.valueOf(event.getOrDefault("decryptedValue", "")));
      }
    }
    throw new TimeoutException("no notification");
  }

  /** The key with that full name, copied for that many seconds if there are any. */
  private static Keys.AtKey key(String full, Long ttr) {
    int owner = full.lastIndexOf('@');
    int colon = full.indexOf(':');
    AtSign by = createAtSign(full.substring(owner));
    String name = full.substring(colon + 1, owner);
    if (colon < 0) {
      return Keys.selfKeyBuilder().sharedBy(by).name(name).build();
    } else if (full.startsWith("public:")) {
      return Keys.publicKeyBuilder().sharedBy(by).name(name).build();
    }
    return Keys.sharedKeyBuilder().sharedBy(by).sharedWith(createAtSign(full.substring(0, colon))).name(name)
        .ttr(ttr).ccd(ttr == null ? null : Boolean.TRUE).build();
  }
}
