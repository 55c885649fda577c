using Azure.Core.Pipeline;

namespace Azure.Data.Tables;

internal sealed class SharedKeyPolicy(TableSharedKeyCredential credential, TimeProvider clock) : HttpPipelineSynchronousPolicy
{
    public override string ToString() => credential.ToString() + clock;
}
