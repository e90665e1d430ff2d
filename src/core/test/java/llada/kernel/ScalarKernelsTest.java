package llada.kernel;

/** The reference keeps its own contract; what it computes is pinned by the golden vectors. */
final class ScalarKernelsTest
    implements KernelContract, VocabularyContract, GradientContract, FamilyContract {
  @Override
  public Kernels kernels() {
    return new ScalarKernels();
  }
}
