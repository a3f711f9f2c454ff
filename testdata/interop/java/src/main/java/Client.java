import static org.atsign.client.api.AtSign.createAtSign;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;

import org.atsign.client.api.AtClient;
import org.atsign.client.api.AtSign;
import org.atsign.client.api.Keys;
import org.atsign.client.impl.AtClients;
import org.atsign.client.impl.cli.Activate;
import org.atsign.client.impl.exceptions.AtKeyNotFoundException;
import org.atsign.client.impl.util.KeysUtils;

/**
 * Drives the unmodified Java SDK against a real atServer.
 *
 * <pre>
 *   Client onboard  @alice HOST:PORT KEYSFILE SECRETFILE
 *   Client records  @alice HOST:PORT KEYSFILE
 *   Client put      @alice HOST:PORT KEYSFILE self|public NAME VALUE
 *   Client check    @alice HOST:PORT KEYSFILE self|public NAME VALUE
 * </pre>
 *
 * HOST:PORT is the directory; -Djavax.net.ssl.trustStore names the CA to trust. Prints one line per step that
 * held. The first that does not ends the run with exit status 1 and says what differed.
 */
public final class Client {

  private static final String NAMESPACE = "interop";

  private final AtClient client;
  private final AtSign sign;

  private Client(AtClient client, AtSign sign) {
    this.client = client;
    this.sign = sign;
  }

  public static void main(String[] args) {
    try {
      run(Arrays.asList(args));
    } catch (Exception e) {
      e.printStackTrace();
      System.err.println("java: FAILED: " + e.getMessage());
      System.exit(1);
    }
    System.exit(0); // the SDK's threads do not keep us
  }

  private static void run(List<String> args) throws Exception {
    String command = args.get(0);
    AtSign sign = createAtSign(args.get(1));
    String directory = args.get(2);
    File keysFile = new File(args.get(3));
    if (command.equals("onboard")) {
      String secret = Files.readString(Path.of(args.get(4))).trim();
      step("onboard", 0, Activate.execute(new String[] {"onboard",
          "-r", directory, "-a", sign.toString(), "-k", keysFile.getPath(), "-c", secret}));
      step("the key file is written", true, keysFile.exists());
      return;
    }
    try (AtClient client = AtClients.builder().url(directory).atSign(sign).keys(KeysUtils.loadKeys(keysFile)).build()) {
      Client interop = new Client(client, sign);
      switch (command) {
        case "records" -> interop.records();
        case "put" -> interop.put(args.get(4), args.get(5), args.get(6));
        case "check" -> interop.check(args.get(4), args.get(5), args.get(6));
        default -> throw new IllegalArgumentException("no such command: " + command);
      }
    }
  }

  /** Put, get, scan and delete of self and public keys, each value checked. */
  private void records() throws Exception {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("self note", "first line, with 'quotes', a : and a @");
    values.put("self unicode", "Grüße, 日本語, 🛠");
    values.put("self large", "0123456789abcdef".repeat(2048));
    values.put("public card", "anyone may read this");
    for (Map.Entry<String, String> entry : values.entrySet()) {
      String[] key = entry.getKey().split(" ");
      put(key[0], key[1], entry.getValue());
      check(key[0], key[1], entry.getValue());
    }
    put("self", "note", "second");
    check("self", "note", "second");

    List<String> want = values.keySet().stream().map(k -> key(k.split(" ")).toString()).sorted().toList();
    step("scan with a pattern", want, scan());
    for (String name : values.keySet()) {
      String[] key = name.split(" ");
      if (key[0].equals("self")) {
        client.delete(self(key[1])).get();
      } else {
        client.delete(publicKey(key[1])).get();
      }
      step("get " + name + " after its delete", "AtKeyNotFoundException", refusal(key[0], key[1]));
    }
    step("scan after the deletes", List.of(), scan());
  }

  private void put(String kind, String name, String value) throws Exception {
    if (kind.equals("self")) {
      client.put(self(name), value).get();
    } else {
      client.put(publicKey(name), value).get();
    }
    System.out.println("java: put " + kind + " " + name + ": ok");
  }

  private void check(String kind, String name, String value) throws Exception {
    step("get " + kind + " " + name, value, get(kind, name));
  }

  private String get(String kind, String name) throws Exception {
    return kind.equals("self") ? client.get(self(name)).get() : client.get(publicKey(name)).get();
  }

  /** The class of the exception that get ends with, found in its chain of causes. */
  private String refusal(String kind, String name) throws Exception {
    try {
      return "the value " + get(kind, name);
    } catch (ExecutionException e) {
      for (Throwable t = e; t != null; t = t.getCause()) {
        if (t instanceof AtKeyNotFoundException) {
          return t.getClass().getSimpleName();
        }
      }
      throw e;
    }
  }

  private List<String> scan() throws Exception {
    return client.getAtKeys("\\." + NAMESPACE + "@", true).get().stream()
        .map(Object::toString).sorted().collect(Collectors.toList());
  }

  private Keys.AtKey key(String[] kindAndName) {
    return kindAndName[0].equals("self") ? self(kindAndName[1]) : publicKey(kindAndName[1]);
  }

  private Keys.SelfKey self(String name) {
    return Keys.selfKeyBuilder().sharedBy(sign).name(name).namespace(NAMESPACE).build();
  }

  private Keys.PublicKey publicKey(String name) {
    return Keys.publicKeyBuilder().sharedBy(sign).name(name).namespace(NAMESPACE).build();
  }

  private static void step(String name, Object want, Object got) {
    if (!Objects.equals(want, got)) {
      throw new IllegalStateException(name + ": got " + shorten(got) + ", want " + shorten(want));
    }
    System.out.println("java: " + name + ": ok");
  }

  private static String shorten(Object value) {
    String text = String.valueOf(value);
    return text.length() <= 200 ? text : text.substring(0, 200) + "… (" + text.length() + " characters)";
  }
}
