// Asks veraPDF whether files comply. Arguments: flavours (2a, ua1), then files. One line for each pair, "OK" or "NO",
// then the first failed rules. Run as a single source file: java -cp CLASSPATH Verapdf.java 2a ua1 file.pdf

import java.io.FileInputStream;
import java.io.InputStream;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.ValidationResult;

public class Verapdf {
    public static void main(String[] argomenti) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        for (String file : argomenti) {
            if (!file.endsWith(".pdf")) {
                continue;
            }
            for (String nome : argomenti) {
                if (nome.endsWith(".pdf")) {
                    continue;
                }
                PDFAFlavour flavour = PDFAFlavour.fromString(nome);
                try (InputStream byteIn = new FileInputStream(file);
                        PDFAParser parser = Foundries.defaultInstance().createParser(byteIn, flavour)) {
                    ValidationResult esito =
                            Foundries.defaultInstance().createValidator(flavour, false).validate(parser);
                    System.out.println((esito.isCompliant() ? "OK " : "NO ") + nome + " " + file);
                    esito.getTestAssertions().stream()
                            .limit(8)
                            .forEach(t -> System.out.println("   " + t.getRuleId() + " " + t.getMessage()
                                    + " " + t.getLocation()));
                }
            }
        }
    }
}
