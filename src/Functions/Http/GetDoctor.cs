using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Weir.Api;

namespace Functions.Http;

public sealed class GetDoctor(DoctorApi doctor)
{
    [Function(nameof(GetDoctor))]
    public Task<IResult> RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/doctor")] HttpRequest request, CancellationToken cancellation) => doctor.LookAsync(request, cancellation);
}
