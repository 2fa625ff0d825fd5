"""What is measured: localisation and classification by networks trained here, quality by pretrained ones."""
