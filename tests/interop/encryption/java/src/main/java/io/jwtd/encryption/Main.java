package io.jwtd.encryption;

import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWEDecrypter;
import com.nimbusds.jose.JWEEncrypter;
import com.nimbusds.jose.JWEHeader;
import com.nimbusds.jose.JWEObject;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.AESDecrypter;
import com.nimbusds.jose.crypto.AESEncrypter;
import com.nimbusds.jose.crypto.DirectDecrypter;
import com.nimbusds.jose.crypto.DirectEncrypter;
import com.nimbusds.jose.crypto.ECDHDecrypter;
import com.nimbusds.jose.crypto.ECDHEncrypter;
import com.nimbusds.jose.crypto.RSADecrypter;
import com.nimbusds.jose.crypto.RSAEncrypter;
import com.nimbusds.jose.crypto.X25519Decrypter;
import com.nimbusds.jose.crypto.X25519Encrypter;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.util.JSONArrayUtils;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs each case with nimbus-jose-jwt: decrypts the token of jwtd, and encrypts one of its own.
 *
 * <p>Usage: Main CASES ANSWERS
 */
public final class Main {
  private Main() {}

  private static JWEDecrypter decrypter(JWK key, boolean direct) throws JOSEException {
    return switch (key.getKeyType().getValue()) {
      case "RSA" -> new RSADecrypter(key.toRSAKey());
      case "EC" -> new ECDHDecrypter(key.toECKey());
      case "OKP" -> new X25519Decrypter(key.toOctetKeyPair());
      default -> {
        var secret = key.toOctetSequenceKey();
        yield direct ? new DirectDecrypter(secret) : new AESDecrypter(secret);
      }
    };
  }

  private static JWEEncrypter encrypter(JWK key, boolean direct) throws JOSEException {
    return switch (key.getKeyType().getValue()) {
      case "RSA" -> new RSAEncrypter(key.toRSAKey());
      case "EC" -> new ECDHEncrypter(key.toECKey());
      case "OKP" -> new X25519Encrypter(key.toOctetKeyPair());
      default -> {
        var secret = key.toOctetSequenceKey();
        yield direct ? new DirectEncrypter(secret) : new AESEncrypter(secret);
      }
    };
  }

  @SuppressWarnings("unchecked")
  private static JWK key(Object found) throws Exception {
    return JWK.parse((Map<String, Object>) found);
  }

  private static Map<String, Object> answer(Map<String, Object> one) {
    var found = new HashMap<String, Object>();
    found.put("name", one.get("name"));
    found.put("opened", null);
    found.put("sealed", null);
    found.put("note", "");
    var direct = one.get("alg").equals("dir");
    try {
      var token = JWEObject.parse((String) one.get("sealed"));
      token.decrypt(decrypter(key(one.get("private_key")), direct));
      found.put("opened", token.getPayload().toString().equals(one.get("text")));
    } catch (Exception error) { // It throws more kinds than JOSEException.
      found.put("note", error.toString());
    }
    try {
      var to = key(one.get("public_key"));
      var alg = JWEAlgorithm.parse((String) one.get("alg"));
      var enc = EncryptionMethod.parse((String) one.get("enc"));
      var header = new JWEHeader.Builder(alg, enc).contentType("JWT").keyID(to.getKeyID()).build();
      var token = new JWEObject(header, new Payload((String) one.get("text")));
      token.encrypt(encrypter(to, direct));
      found.put("sealed", token.serialize());
    } catch (Exception error) {
      found.put("note", error.toString());
    }
    return found;
  }

  @SuppressWarnings("unchecked")
  public static void main(String[] arguments) throws Exception {
    List<Object> answers = new ArrayList<>();
    for (var one : JSONArrayUtils.parse(Files.readString(Path.of(arguments[0])))) {
      answers.add(answer((Map<String, Object>) one));
    }
    Files.writeString(Path.of(arguments[1]), JSONArrayUtils.toJSONString(answers));
  }
}
